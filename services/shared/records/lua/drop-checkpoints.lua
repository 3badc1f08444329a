-- Removes records of checkpoints that nobody pins.
-- keys       job, checkpoints, pins
-- arguments  id, attempt, now in ms, then steps
-- answers    {fenced} | {ok, step …} of the removed
-- events     none
local id, fence, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if tonumber(redis.call('HGET', keys.job(id), 'attempt') or '-1') ~= fence then return { 'fenced' } end
local dropped = { 'ok' }
for i = 4, #ARGV do
  local pin = redis.call('ZSCORE', keys.jobPins(id), ARGV[i])
  if not pin or tonumber(pin) < now then
    local record = redis.call('HGET', keys.jobCheckpoints(id), ARGV[i])
    if record then weigh(keys.job(id), math.max(0, storedOf(keys.job(id)) - cjson.decode(record).bytes)) end
    redis.call('HDEL', keys.jobCheckpoints(id), ARGV[i])
    redis.call('ZREM', keys.jobPins(id), ARGV[i])
    dropped[#dropped + 1] = ARGV[i]
  end
end
return dropped
