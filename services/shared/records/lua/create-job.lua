-- A new job, `queued`, and the order that delivers it.
-- keys       job, events, jobs, indices by project, dataset, status and sweep, users of dataset and initial
--            model, outbox, waiting, turns, sweep, its trials and events
-- arguments  id, at, ms, dataset id, initial model id or '', trial as JSON {sweep, attempt, trial, row} or '',
--            project, then fields of the record
-- answers    created | exists | no-dataset | no-model | limit:name:most:used
--            | not-wanted (begun already, or no trial of a sweep that runs)
-- events     status; of a sweep trial
local id, at, ms, dataset, model, project = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[7]
local key = keys.job(id)
if redis.call('EXISTS', key) == 1 then return 'exists' end
local begun = ARGV[6] ~= '' and cjson.decode(ARGV[6]) or nil
if begun then
  if not coordinates(begun.sweep, begun.attempt, 'running') then return 'not-wanted' end
  if redis.call('HEXISTS', keys.sweepTrials(begun.sweep), begun.trial) == 1 then return 'not-wanted' end
end
local found = redis.call('HGET', keys.resource('dataset', dataset), 'status')
-- One that is still being made will do: the worker waits for it.
if not found or found == '"rejected"' then return 'no-dataset' end
if model ~= '' and redis.call('EXISTS', keys.resource('model', model)) == 0 then return 'no-model' end
local limit = reached(project, 'queuedJobs', redis.call('ZCARD', keys.projectJobsByStatus(project, 'queued')))
  or overfull(project, 1)
if limit then return limit end
set(key, { unpack(ARGV, 8) })
redis.call('HSET', key, 'status', 'queued', 'run', 0, 'attempt', 0, 'crashes', 0, 'events', 0, 'datasetId', dataset)
redis.call('SADD', keys.users('dataset', dataset), id)
if model ~= '' then
  redis.call('HSET', key, 'initialModelId', model)
  redis.call('SADD', keys.users('model', model), id)
end
redis.call('ZADD', keys.jobs, 0, id)
redis.call('ZADD', keys.projectJobs(project), 0, id)
redis.call('ZADD', keys.projectJobsByStatus(project, 'queued'), 0, id)
redis.call('ZADD', keys.jobsByDataset(dataset), 0, id)
redis.call('ZADD', keys.jobsByStatus('queued'), 0, id)
if begun then
  redis.call('HSET', key, 'sweepId', begun.sweep, 'trial', begun.trial)
  redis.call('HSET', keys.sweepTrials(begun.sweep), begun.trial, id, begun.trial .. ':0', '')
  redis.call('ZADD', keys.jobsBySweep(begun.sweep), 0, id)
  tellTrial(begun.sweep, at, begun.row)
end
emit(id, 'status', at, cjson.encode({ status = 'queued', terminal = false, reason = cjson.null }))
deliver(id, ms)
return 'created'
