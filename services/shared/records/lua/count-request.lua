-- Counts a request of a project, and one for predictions among those under way.
-- keys       requests and predictions of the project
-- arguments  project, requests in a minute or '', predictions at once or '', name of the request or '', now in ms, ms
-- answers    {requests counted, ms until the minute ends, predictions under way or -1 where there is no place}
-- events     none
local project, perMinute, atOnce, name = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local now, lease = tonumber(ARGV[5]), tonumber(ARGV[6])
local counted, left = 0, 0
if perMinute then
  counted = redis.call('INCR', keys.requests(project))
  if counted == 1 then redis.call('PEXPIRE', keys.requests(project), 60000) end
  left = redis.call('PTTL', keys.requests(project))
  if counted > perMinute then return { counted, left, 0 } end
end
local underWay = 0
if atOnce and name ~= '' then
  local key = keys.predictions(project)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  underWay = redis.call('ZCARD', key)
  if underWay >= atOnce then return { counted, left, -1 } end
  redis.call('ZADD', key, now + lease, name)
  redis.call('PEXPIRE', key, lease)
end
return { counted, left, underWay + 1 }
