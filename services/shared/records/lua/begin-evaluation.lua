-- Starts an attempt at an evaluation that is queued, or that a worker left behind.
-- keys       evaluation
-- arguments  id, token (the same one again starts nothing new), at, crash budget
-- answers    {started | spent, number} | {refused, status | missing}
-- events     none
local id, token, at, budget = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local key = keys.evaluation(id)
local status = redis.call('HGET', key, 'status')
if not status then return { 'refused', 'missing' } end
if redis.call('HGET', key, 'token') == token then return { 'started', tonumber(redis.call('HGET', key, 'attempt')) } end
if status ~= 'queued' and status ~= 'running' then return { 'refused', status } end
local crashes = redis.call('HINCRBY', key, 'crashes', redis.call('HGET', key, 'open'))
local number = redis.call('HINCRBY', key, 'attempt', 1)
redis.call('HSET', key, 'status', 'running', 'token', token, 'open', 1)
redis.call('HSETNX', key, 'startedAt', cjson.encode(at))
return { crashes >= budget and 'spent' or 'started', number }
