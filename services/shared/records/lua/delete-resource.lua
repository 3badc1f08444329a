-- Deletes a dataset or model that nobody needs; the evaluations of a model go with it.
-- keys       the resource, the indices of its kind, its aliases, its users, what was to leave with it,
--            users of the dataset it needs, its evaluations, those under way, users of their datasets
-- arguments  kind, id
-- answers    {deleted, evaluation …} | {missing} | {in-use, user …}
-- events     none
local kind, id = ARGV[1], ARGV[2]
local key = keys.resource(kind, id)
if redis.call('EXISTS', key) == 0 then return { 'missing' } end
local users = redis.call('SMEMBERS', keys.users(kind, id))
if #users > 0 then
  -- Not by unpack: Lua's stack ends at some 8000, and a dataset may have more jobs.
  table.insert(users, 1, 'in-use')
  return users
end
local aliases = keys.aliases(projectOf(key), kind)
local alias = redis.call('HGET', key, 'alias')
if kind == 'model' then
  for _, each in ipairs(namesOf(id)) do redis.call('HDEL', aliases, each.name) end
elseif alias and alias ~= 'null' then
  redis.call('HDEL', aliases, cjson.decode('[' .. alias .. ']')[1])
end
local dataset = redis.call('HGET', key, 'dataset')
if dataset and dataset ~= 'null' then redis.call('SREM', keys.users('dataset', cjson.decode(dataset).id), id) end
local deleted = { 'deleted' }
if kind == 'model' then
  for _, evaluation in ipairs(redis.call('ZRANGE', keys.evaluationsOfModel(id), 0, -1)) do
    endEvaluation(evaluation, '', false)
    redis.call('DEL', keys.evaluation(evaluation))
    table.insert(deleted, evaluation)
  end
  redis.call('DEL', keys.evaluationsOfModel(id))
end
if kind == 'dataset' then leave('datasets', id) end
weigh(key, 0)
redis.call('ZREM', keys.resources(kind), id)
for _, each in ipairs(homesOf(kind, id)) do redis.call('ZREM', keys.projectResources(each, kind), id) end
redis.call('DEL', key, keys.users(kind, id), keys.leaving(id))
changed(kind, id)
return deleted
