-- Deletes the records of a job that ended.
-- keys       job, events, metrics, checkpoints, pins, webhooks, jobs, the indices by project,
--            dataset, status and sweep, archive
-- arguments  id
-- answers    deleted | missing | its status, where it has not ended
-- events     none; readers are woken and find that it is gone
local id = ARGV[1]
local key = keys.job(id)
local status = redis.call('HGET', key, 'status')
if not status then return 'missing' end
if not terminal(status) then return status end
local dataset = redis.call('HGET', key, 'datasetId')
local project = projectOf(key)
local sweep = redis.call('HGET', key, 'sweepId')
redis.call('ZREM', keys.jobs, id)
redis.call('ZREM', keys.projectJobs(project), id)
redis.call('ZREM', keys.projectJobsByStatus(project, status), id)
redis.call('ZREM', keys.jobsByStatus(status), id)
if dataset then redis.call('ZREM', keys.jobsByDataset(dataset), id) end
if sweep then redis.call('ZREM', keys.jobsBySweep(sweep), id) end
redis.call('ZREM', keys.archive, id)
weigh(key, 0)
redis.call('DEL', key, keys.jobEvents(id), keys.jobCheckpoints(id), keys.jobPins(id), keys.jobWebhooks(id))
for _, series in ipairs({ 'step', 'epoch', 'inside' }) do redis.call('DEL', keys.jobMetrics(id, series)) end
wake(id)
return 'deleted'
