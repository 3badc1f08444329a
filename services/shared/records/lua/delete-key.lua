-- Revokes a key.
-- keys       the key, keys, digests, unkept
-- arguments  id
-- answers    deleted | missing
-- events     none
local key = keys.key(ARGV[1])
local digest = redis.call('HGET', key, 'digest')
if not digest then return 'missing' end
redis.call('HDEL', keys.keyDigests, cjson.decode('[' .. digest .. ']')[1])
unkeep(ARGV[1])
redis.call('ZREM', keys.allKeys, ARGV[1])
redis.call('DEL', key)
changed('key', ARGV[1])
return 'deleted'
