-- Closes an attempt whose job will be tried again; the status stays.
-- keys       job, events
-- arguments  id, attempt, at, reason, whether it counts as a crash (1 or 0)
-- answers    ok | fenced
-- events     attempt
local id, fence, at, reason, crash = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local key = keys.job(id)
if tonumber(redis.call('HGET', key, 'attempt') or '-1') ~= fence then return 'fenced' end
if redis.call('HEXISTS', key, 'attempt:' .. fence .. ':end') == 1 then return 'ok' end
closeAttempt(id, fence, at, reason)
letGo(key)
if crash == '1' then redis.call('HINCRBY', key, 'crashes', 1) end
wake(id)
return 'ok'
