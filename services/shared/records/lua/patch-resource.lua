-- Replaces fields of a dataset or model, and its alias.
-- keys       the resource, the aliases of its kind
-- arguments  kind, id, alias (keep | clear | =alias), expected status as JSON or '', then fields
-- answers    ok | missing | alias-taken | status
-- events     none
local kind, id, alias, expected = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key = keys.resource(kind, id)
if redis.call('EXISTS', key) == 0 then return 'missing' end
if expected ~= '' and redis.call('HGET', key, 'status') ~= expected then return 'status' end
if alias ~= 'keep' then
  local aliases = keys.aliases(kind)
  local wanted = string.sub(alias, 1, 1) == '=' and string.sub(alias, 2) or nil
  if wanted then
    local owner = redis.call('HGET', aliases, wanted)
    if owner and owner ~= id then return 'alias-taken' end
  end
  local before = redis.call('HGET', key, 'alias')
  if before and before ~= 'null' then redis.call('HDEL', aliases, cjson.decode('[' .. before .. ']')[1]) end
  if wanted then redis.call('HSET', aliases, wanted, id) end
end
set(key, { unpack(ARGV, 5) })
changed(kind, id)
return 'ok'
