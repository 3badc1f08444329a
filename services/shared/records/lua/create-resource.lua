-- A new dataset or model, with its alias.
-- keys       the resource, the indices of its kind, its project's aliases, a rejected dataset that had the alias,
--            users of the dataset it needs
-- arguments  project, kind, id, alias or '', dataset id that it needs or '', bytes that are expected, then fields
-- answers    created | exists | alias-taken | limit:name:most:used
-- events     none
local project, kind, id, alias, needs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local expected = tonumber(ARGV[6])
local key = keys.resource(kind, id)
if redis.call('EXISTS', key) == 1 then return 'exists' end
-- Where nothing is expected nothing is refused: what is built in, and what a script restores.
local limit = overfull(project, expected)
if limit then return limit end
if alias ~= '' then
  if taken(project, kind, alias, id) then return 'alias-taken' end
  redis.call('HSET', keys.aliases(project, kind), alias, id)
end
set(key, { unpack(ARGV, 7) })
redis.call('HSET', key, 'project', cjson.encode(project))
redis.call('ZADD', keys.resources(kind), 0, id)
for _, each in ipairs(homesOf(kind, id)) do redis.call('ZADD', keys.projectResources(each, kind), 0, id) end
measure(kind, id)
if needs ~= '' then redis.call('SADD', keys.users('dataset', needs), id) end
changed(kind, id)
return 'created'
