-- The dataset of a job that waited for it is ready: what could not be told without it.
-- keys       job
-- arguments  id, then fields of the record
-- answers    ok | missing
-- events     none
local key = keys.job(ARGV[1])
if redis.call('EXISTS', key) == 0 then return 'missing' end
set(key, { unpack(ARGV, 2) })
return 'ok'
