-- Replaces fields of a dataset or model, and its alias: of several that a model has, the one given last. A dataset that
-- is to be checked from here on is ordered.
-- keys       the resource, its project's aliases of its kind, a rejected dataset that had the alias, outbox, waiting,
--            needs, turns, tickets
-- arguments  kind, id, alias (keep | clear | =alias), expected status as JSON or '', at, bytes that it takes up by now
--            or '', ms, then fields
-- answers    ok | missing | alias-taken | status | limit:name:most:used
-- events     none
local kind, id, alias, expected, at = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local ms = ARGV[7]
local key = keys.resource(kind, id)
if redis.call('EXISTS', key) == 0 then return 'missing' end
if expected ~= '' and redis.call('HGET', key, 'status') ~= expected then return 'status' end
local wanted = string.sub(alias, 1, 1) == '=' and string.sub(alias, 2) or nil
local project = projectOf(key)
local takes = tonumber(ARGV[6])
if takes then
  local limit = overfull(project, takes - storedOf(key))
  if limit then return limit end
end
if wanted and taken(project, kind, wanted, id) then return 'alias-taken' end
local before = redis.call('HGET', key, 'alias')
before = before and before ~= 'null' and cjson.decode('[' .. before .. ']')[1] or nil
local names = kind == 'model' and alias ~= 'keep' and namesOf(id) or {}
local status = redis.call('HGET', key, 'status')
set(key, { unpack(ARGV, 8) })
if alias ~= 'keep' then
  if before then redis.call('HDEL', keys.aliases(project, kind), before) end
  if wanted then redis.call('HSET', keys.aliases(project, kind), wanted, id) end
  if kind == 'model' then
    local left = {}
    for _, each in ipairs(names) do
      if each.name ~= before and each.name ~= wanted then table.insert(left, each) end
    end
    if wanted then table.insert(left, { name = wanted, at = at }) end
    setNames(id, left)
  end
end
if takes then weigh(key, takes) else measure(kind, id) end
local now = redis.call('HGET', key, 'status')
if kind == 'dataset' and now ~= status then
  if now == '"checking"' then
    await('datasets', id, ms)
    redis.call('ZADD', keys.outbox, ms, orders.datasets(id))
  elseif status == '"checking"' then
    leave('datasets', id)
  end
end
changed(kind, id)
return 'ok'
