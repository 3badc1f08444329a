-- An attempt is about to store something: its bytes count from here on, until it is recorded or the attempt ends.
-- keys       job, its project
-- arguments  id, attempt, name of what is stored, bytes of it
-- answers    ok | fenced | limit:storedBytes:most:used
-- events     none
local id, fence, name, bytes = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local key = keys.job(id)
if tonumber(redis.call('HGET', key, 'attempt') or '-1') ~= fence then return 'fenced' end
local limit = overfull(projectOf(key), bytes - (heldOf(key)[name] or 0))
if limit then return limit end
hold(key, name, bytes)
return 'ok'
