-- The dataset of a sweep that waited for it is ready: what could not be told without it.
-- keys       sweep, users of models
-- arguments  id, attempt, ids of models as JSON, then fields of the record
-- answers    ok | fenced | no-model
-- events     none; readers are woken
local id, attempt, models = ARGV[1], ARGV[2], ARGV[3]
local key = keys.sweep(id)
if not coordinates(id, attempt, '') then return 'fenced' end
for _, model in ipairs(cjson.decode(models)) do
  if redis.call('EXISTS', keys.resource('model', model)) == 0 then return 'no-model' end
end
for _, model in ipairs(cjson.decode(redis.call('HGET', key, 'models'))) do
  redis.call('SREM', keys.users('model', model), id)
end
for _, model in ipairs(cjson.decode(models)) do redis.call('SADD', keys.users('model', model), id) end
redis.call('HSET', key, 'models', models)
redis.call('HDEL', key, 'left')
set(key, { unpack(ARGV, 4) })
wake(id)
return 'ok'
