-- Gives a model an alias and takes it away from whoever had it, in one step; or takes it away alone.
-- keys       models, the aliases of the project
-- arguments  project, alias, model id ('' = nobody has it any more), at, free (1 = only where nobody has it)
-- answers    {named, id of the model that had it or ''} | {missing} | {taken, id}
-- events     none
local project, alias, id, at, free = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if id ~= '' and redis.call('EXISTS', keys.resource('model', id)) == 0 then return { 'missing' } end
local before = redis.call('HGET', keys.aliases(project, 'model'), alias)
if before and free == '1' then return { 'taken', before } end
if before then
  unname(before, alias)
  if before ~= id then changed('model', before) end
end
if id ~= '' then
  local names = namesOf(id)
  table.insert(names, { name = alias, at = at })
  setNames(id, names)
  redis.call('HSET', keys.aliases(project, 'model'), alias, id)
  changed('model', id)
end
return { 'named', before or '' }
