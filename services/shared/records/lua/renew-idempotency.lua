-- Renews the lease of a write that is still under way, if it is still its own.
-- keys       the entry of the scope and key
-- arguments  scope, key, id of what is being made, lease in ms, now in ms
-- answers    1 where it was renewed, 0 where the entry is gone, answered or another's
-- events     none
local entry, id = keys.idempotency(ARGV[1], ARGV[2]), ARGV[3]
local lease, now = tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('HGET', entry, 'id') ~= id or redis.call('HEXISTS', entry, 'answer') == 1 then return 0 end
redis.call('HSET', entry, 'until', now + lease)
return 1
