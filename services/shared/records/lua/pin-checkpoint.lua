-- Keeps a checkpoint from deletion until a time; a later time that stands already stays.
-- keys       checkpoints, pins
-- arguments  id, step, until in ms
-- answers    1 | 0 where there is no such checkpoint
-- events     none
local id, step, till = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HEXISTS', keys.jobCheckpoints(id), step) == 0 then return 0 end
local pin = redis.call('ZSCORE', keys.jobPins(id), step)
if not pin or tonumber(pin) < till then redis.call('ZADD', keys.jobPins(id), till, step) end
return 1
