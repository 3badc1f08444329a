-- A new dataset or model, with its alias.
-- keys       the resource, the index of its kind, its aliases, a rejected dataset that had the alias,
--            users of the dataset it needs
-- arguments  kind, id, alias or '', dataset id that it needs or '', then fields
-- answers    created | exists | alias-taken
-- events     none
local kind, id, alias, needs = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key = keys.resource(kind, id)
if redis.call('EXISTS', key) == 1 then return 'exists' end
if alias ~= '' then
  if taken(kind, alias, id) then return 'alias-taken' end
  redis.call('HSET', keys.aliases(kind), alias, id)
end
set(key, { unpack(ARGV, 5) })
redis.call('ZADD', keys.resources(kind), 0, id)
if needs ~= '' then redis.call('SADD', keys.users('dataset', needs), id) end
changed(kind, id)
return 'created'
