-- A job is to end with the model that it would leave now. One that was never attempted is cancelled.
-- keys       job, its events, the indices by status, outbox; at an end archive and users
-- arguments  id, at, ms, reason
-- answers    its status, or missing
-- events     status
local id, at, ms, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key = keys.job(id)
local status, attempt = unpack(redis.call('HMGET', key, 'status', 'attempt'))
if not status then return 'missing' end
if terminal(status) then return status end
redis.call('HSET', key, 'concludes', '1')
if status == 'queued' and attempt == '0' then
  change(id, 'queued', 'cancelled', at, reason, ms)
elseif status == 'paused' then
  change(id, 'paused', 'queued', at, reason, ms)
  deliver(id, ms)
elseif status == 'running' then
  redis.call('PUBLISH', channels.control, id)
end
wake(id)
return redis.call('HGET', key, 'status')
