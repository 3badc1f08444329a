-- Notes when keys were last used. One that was revoked meanwhile stays so.
-- keys       keys
-- arguments  id and time as JSON, for each
-- answers    ok
-- events     none
for i = 1, #ARGV, 2 do
  local key = keys.key(ARGV[i])
  local before = redis.call('HGET', key, 'lastUsedAt')
  if redis.call('EXISTS', key) == 1 and (not before or before == 'null' or before < ARGV[i + 1]) then
    redis.call('HSET', key, 'lastUsedAt', ARGV[i + 1])
  end
end
return 'ok'
