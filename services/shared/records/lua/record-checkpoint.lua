-- The record of a checkpoint whose object is in storage; what was held for it is let go. A new checkpoint clears the
-- count of crashes.
-- keys       job, events, checkpoints
-- arguments  id, attempt, step, record as JSON, at, event as JSON ('' = not listed)
-- answers    ok | fenced | exists
-- events     checkpoint, once for each listed one
local id, fence, step, record, at, event = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local key = keys.job(id)
if tonumber(redis.call('HGET', key, 'attempt') or '-1') ~= fence then return 'fenced' end
local before = redis.call('HGET', keys.jobCheckpoints(id), step)
if before == record then return 'ok' end
hold(key, step, 0)
if before and event == '' then return 'exists' end
redis.call('HSET', keys.jobCheckpoints(id), step, record)
local replaced = before and cjson.decode(before).bytes or 0
weigh(key, storedOf(key) + cjson.decode(record).bytes - replaced)
redis.call('HSET', key, 'crashes', 0)
if event ~= '' and not (before and cjson.decode(before).listed) then emit(id, 'checkpoint', at, event) end
wake(id)
return 'ok'
