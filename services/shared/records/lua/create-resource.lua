-- A new dataset or model, with its alias.
-- keys       the resource, the indices of its kind, its project's aliases, a rejected dataset that had the alias,
--            users of the dataset it needs
-- arguments  project, kind, id, alias or '', dataset id that it needs or '', then fields
-- answers    created | exists | alias-taken
-- events     none
local project, kind, id, alias, needs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = keys.resource(kind, id)
if redis.call('EXISTS', key) == 1 then return 'exists' end
if alias ~= '' then
  if taken(project, kind, alias, id) then return 'alias-taken' end
  redis.call('HSET', keys.aliases(project, kind), alias, id)
end
set(key, { unpack(ARGV, 6) })
redis.call('HSET', key, 'project', cjson.encode(project))
redis.call('ZADD', keys.resources(kind), 0, id)
for _, each in ipairs(homesOf(kind, id)) do redis.call('ZADD', keys.projectResources(each, kind), 0, id) end
if needs ~= '' then redis.call('SADD', keys.users('dataset', needs), id) end
changed(kind, id)
return 'created'
