-- A new project, or other fields of one that is there.
-- keys       the project, projects, unkept; for a new one its list of datasets, where the built-in ones stand
-- arguments  id, what is wanted (new | there | any), then fields
-- answers    ok | exists | missing
-- events     none
local id, wanted = ARGV[1], ARGV[2]
local key = keys.project(id)
local isThere = id == defaultProject or redis.call('HEXISTS', key, 'id') == 1
if isThere and wanted == 'new' then return 'exists' end
if not isThere and wanted == 'there' then return 'missing' end
set(key, { unpack(ARGV, 3) })
if not isThere then
  redis.call('HSET', key, 'id', cjson.encode(id))
  redis.call('ZADD', keys.projects, 0, id, 0, defaultProject)
  local first, last = '[' .. builtinPrefix, '(' .. builtinPrefix .. '~'
  for _, dataset in ipairs(redis.call('ZRANGE', keys.resources('dataset'), first, last, 'BYLEX')) do
    redis.call('ZADD', keys.projectResources(id, 'dataset'), 0, dataset)
  end
end
unkeep(id)
changed('project', id)
return 'ok'
