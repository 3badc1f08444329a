-- Says something to the user in the job's sequence of events.
-- keys       job, events
-- arguments  id, attempt, at, warning as JSON
-- answers    ok | fenced
-- events     warning
local id, fence, at, data = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
if tonumber(redis.call('HGET', keys.job(id), 'attempt') or '-1') ~= fence then return 'fenced' end
emit(id, 'warning', at, data)
wake(id)
return 'ok'
