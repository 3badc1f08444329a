-- A new sweep, `queued`, and the order that delivers it.
-- keys       sweep, events, sweeps, the index by dataset, those under way, users of dataset and models, outbox
-- arguments  id, at, ms, dataset id, ids of models as JSON, then fields of the record
-- answers    created | exists | no-dataset | no-model
-- events     status
local id, at, ms, dataset, models = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = keys.sweep(id)
if redis.call('EXISTS', key) == 1 then return 'exists' end
local found = redis.call('HGET', keys.resource('dataset', dataset), 'status')
-- One that is still being made will do: the coordinator waits for it.
if not found or found == '"rejected"' then return 'no-dataset' end
for _, model in ipairs(cjson.decode(models)) do
  if redis.call('EXISTS', keys.resource('model', model)) == 0 then return 'no-model' end
end
set(key, { unpack(ARGV, 6) })
redis.call('HSET', key, 'status', 'queued', 'run', 0, 'attempt', 0, 'events', 0, 'ranMs', 0)
redis.call('HSET', key, 'datasetId', dataset, 'models', models)
redis.call('SADD', keys.users('dataset', dataset), id)
for _, model in ipairs(cjson.decode(models)) do redis.call('SADD', keys.users('model', model), id) end
redis.call('ZADD', keys.sweeps, 0, id)
redis.call('ZADD', keys.sweepsByDataset(dataset), 0, id)
redis.call('ZADD', keys.sweepsUnderWay, 0, id)
local data = cjson.encode({ status = 'queued', terminal = false, reason = cjson.null })
append(key, keys.sweepEvents(id), 'status', at, data)
deliverSweep(id, ms)
return 'created'
