-- A new key, or another one under the same id.
-- keys       the key, keys, digests, unkept
-- arguments  id, digest, then fields
-- answers    ok | exists, where another has this digest
-- events     none
local id, digest = ARGV[1], ARGV[2]
local key = keys.key(id)
local owner = redis.call('HGET', keys.keyDigests, digest)
if owner and owner ~= id then return 'exists' end
local before = redis.call('HGET', key, 'digest')
if before then redis.call('HDEL', keys.keyDigests, cjson.decode('[' .. before .. ']')[1]) end
set(key, { unpack(ARGV, 3) })
redis.call('HSET', keys.keyDigests, digest, id)
redis.call('ZADD', keys.allKeys, 0, id)
unkeep(id)
changed('key', id)
return 'ok'
