-- Whose turn it is. A delivery is a ticket: it stands for its own job until a worker takes it; then the project whose
-- turn was longest ago gives its first job, and the two jobs change tickets. One that was begun keeps its own.
-- keys       tickets, turns, turn, jobs, waiting and taken of each project
-- arguments  name of the delivery
-- answers    {take, job, run} | {wait}, where every project has as many running as it may | {none}
-- events     none
local ticket = ARGV[1]
local id, run = string.match(redis.call('HGET', keys.tickets, ticket) or ticket, '^([%w_]+)[-:](%d+)$')
if not id then return { 'none' } end
local key = keys.job(id)
if redis.call('HGET', key, 'run') ~= run or ticketOf(id) ~= ticket then return { 'none' } end
local status = redis.call('HGET', key, 'status')
if status == 'paused' or terminal(status) then return { 'none' } end
if status ~= 'queued' then return { 'take', id, run } end

local function hasRoom(project)
  return not reached(project, 'runningJobs', redis.call('SCARD', keys.taken(project)))
end

local own = projectOf(key)
if redis.call('SISMEMBER', keys.taken(own), id) == 1 then return { 'take', id, run } end
if not redis.call('ZSCORE', keys.waiting(own), id) then
  if not hasRoom(own) then return { 'wait' } end
  redis.call('SADD', keys.taken(own), id)
  return { 'take', id, run }
end
local project
for _, each in ipairs(redis.call('ZRANGE', keys.turns, 0, -1)) do
  if hasRoom(each) then
    project = each
    break
  end
end
if not project then return { 'wait' } end
local first = redis.call('ZRANGE', keys.waiting(project), 0, 0)[1]
local firstRun = redis.call('HGET', keys.job(first), 'run')
if first ~= id then
  local other = ticketOf(first)
  redis.call('HSET', keys.tickets, ticket, first .. ':' .. firstRun, other, id .. ':' .. run)
  redis.call('HSET', keys.job(first), 'ticket', ticket)
  redis.call('HSET', key, 'ticket', other)
end
local turn = redis.call('INCR', keys.turn)
redis.call('HSET', keys.project(project), 'served', turn)
redis.call('ZADD', keys.turns, turn, project)
unwait(first)
redis.call('SADD', keys.taken(project), first)
return { 'take', first, firstRun }
