-- A new evaluation of a model, `queued`, and the order that delivers it.
-- keys       evaluation, those of its model, those under way, users of the dataset, outbox, its project,
--            waiting, needs, turns
-- arguments  id, ms, model id, dataset id, bytes that its predictions will take up, then fields of the record
-- answers    created | exists | no-dataset | no-model | limit:name:most:used
-- events     none
local id, ms, model, dataset, bytes = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local key = keys.evaluation(id)
if redis.call('EXISTS', key) == 1 then return 'exists' end
if redis.call('HGET', keys.resource('dataset', dataset), 'status') ~= '"ready"' then return 'no-dataset' end
if redis.call('EXISTS', keys.resource('model', model)) == 0 then return 'no-model' end
local project = projectOf(keys.resource('model', model))
local limit = overfull(project, bytes)
if limit then return limit end
set(key, { unpack(ARGV, 6) })
weigh(key, bytes, project)
redis.call('HSET', key, 'status', 'queued', 'attempt', 0, 'crashes', 0, 'open', 0)
redis.call('ZADD', keys.evaluationsOfModel(model), 0, id)
redis.call('ZADD', keys.evaluationsUnderWay, 0, id)
redis.call('SADD', keys.users('dataset', dataset), id)
await('evaluations', id, ms)
redis.call('ZADD', keys.outbox, ms, orders.evaluations(id))
return 'created'
