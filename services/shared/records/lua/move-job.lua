-- A change of a job's status, where the table of transitions allows it.
-- keys       job, events, the indices by status; at an end also archive and users; outbox
-- arguments  id, targets as JSON (from → to; "*" stands for any), at, ms, reason, attempt ('' = any may change it),
--            end of the attempt ('' = it stays open), then fields of the record
-- answers    {changed | already | missing | fenced | forbidden, status} | {limit:name:most:used, status}
-- events     attempt, status
local id, targets, at, ms, reason = ARGV[1], cjson.decode(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local fence, ending = ARGV[6], ARGV[7]
local key = keys.job(id)
local from = redis.call('HGET', key, 'status')
if not from then return { 'missing', '' } end
local attempt = tonumber(redis.call('HGET', key, 'attempt'))
if fence ~= '' and attempt ~= tonumber(fence) then return { 'fenced', from } end
local to = targets[from] or targets['*']
if not to then return { 'forbidden', from } end
if to == from then return { 'already', from } end
if not allowed(from, to) then return { 'forbidden', from } end
if from == 'paused' and to == 'queued' then
  local project = projectOf(key)
  local limit = reached(project, 'queuedJobs', redis.call('ZCARD', keys.projectJobsByStatus(project, 'queued')))
  if limit then return { limit, from } end
end
set(key, { unpack(ARGV, 8) })
if ending ~= '' then closeAttempt(id, attempt, at, ending) end
change(id, from, to, at, reason, ms)
if from == 'paused' and to == 'queued' then deliver(id, ms) end
wake(id)
return { 'changed', to }
