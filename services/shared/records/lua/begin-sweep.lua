-- A coordinator takes a sweep over: whoever had it before may write no more.
-- keys       sweep, events
-- arguments  id, token (the same one again takes nothing over), at, ms
-- answers    {begun, attempt} | {refused, status | missing}
-- events     status
local id, token, at, ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key = keys.sweep(id)
local status = redis.call('HGET', key, 'status')
if not status then return { 'refused', 'missing' } end
if status == 'paused' or terminal(status) then return { 'refused', status } end
if redis.call('HGET', key, 'token') == token then return { 'begun', redis.call('HGET', key, 'attempt') } end
local attempt = redis.call('HINCRBY', key, 'attempt', 1)
redis.call('HSET', key, 'token', token)
redis.call('HSETNX', key, 'startedAt', cjson.encode(at))
if status == 'queued' then changeSweep(id, 'queued', 'running', at, '', ms) end
return { 'begun', tostring(attempt) }
