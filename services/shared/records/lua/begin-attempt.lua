-- Starts an attempt of a job that is queued, or that a worker left behind.
-- keys       job, events, the indices by status, outbox
-- arguments  id, token (the same one again starts nothing new), at, ms, attempt as JSON, crash budget, run of Redis
-- answers    {started | spent, number, crashes} | {refused, status}
-- events     attempt (the lost one's end, the new one's start), status
local id, token, at, ms, opened = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local budget, redisRun = tonumber(ARGV[6]), ARGV[7]
local key = keys.job(id)
local status = redis.call('HGET', key, 'status')
if not status then return { 'refused', 'missing' } end
local number = tonumber(redis.call('HGET', key, 'attempt'))
if redis.call('HGET', key, 'token') == token then
  return { 'started', number, tonumber(redis.call('HGET', key, 'crashes')) }
end
local crashes = lose(id, at, redisRun)
if status ~= 'queued' and status ~= 'running' then
  wake(id)
  return { 'refused', status }
end
letGo(key)
number = number + 1
redis.call('HSET', key, 'attempt', number, 'token', token, 'redisRun', redisRun, 'batch', 0)
redis.call('HSET', key, 'attempt:' .. number, opened)
if redis.call('HEXISTS', key, 'startedAt') == 0 then redis.call('HSET', key, 'startedAt', cjson.encode(at)) end
if status == 'queued' then change(id, 'queued', 'running', at, '', ms) end
emit(id, 'attempt', at, opened)
wake(id)
return { crashes >= budget and 'spent' or 'started', number, crashes }
