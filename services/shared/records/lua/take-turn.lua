-- Whose turn it is. A delivery is a ticket: it stands for its own job until a worker takes it; then the project whose
-- turn was longest ago gives its first job that the worker has the memory for, and the two jobs change tickets. One
-- that was begun keeps its own, unless it needs more than the worker has: then it waits again, before all others of
-- its priority.
-- keys       tickets, turns, turn, jobs, waiting, needs and taken of each project; of a job whose worker is gone
--            events and the indices by status
-- arguments  name of the delivery, bytes of memory that a job may take there, at, ms, run of Redis
-- answers    {take, job, run} | {wait}, where every project has as many running as it may, or none a job that fits
--            | {none}
-- events     of a job whose worker is gone attempt, status
local ticket, most, at, ms, redisRun = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local id, run = string.match(redis.call('HGET', keys.tickets, ticket) or ticket, '^([%w_]+)[-:](%d+)$')
if not id then return { 'none' } end
local key = keys.job(id)
if redis.call('HGET', key, 'run') ~= run or ticketOf(id) ~= ticket then return { 'none' } end
local status = redis.call('HGET', key, 'status')
if status == 'paused' or terminal(status) then return { 'none' } end
-- Somebody has to fulfil what was asked of a job whose worker is gone: that needs no memory.
if status == 'pausing' or status == 'cancelling' then return { 'take', id, run } end

local function fits(job)
  return tonumber(redis.call('HGET', keys.job(job), 'bytes') or '0') <= most
end

local function hasRoom(project)
  return not reached(project, 'runningJobs', redis.call('SCARD', keys.taken(project)))
end

-- The first of a project that fits; nil where none does.
local function firstOf(project)
  if #redis.call('ZRANGEBYSCORE', keys.needs(project), '-inf', most, 'LIMIT', 0, 1) == 0 then return nil end
  for from = 0, redis.call('ZCARD', keys.waiting(project)), 100 do
    for _, each in ipairs(redis.call('ZRANGE', keys.waiting(project), from, from + 99)) do
      if fits(each) then return each end
    end
  end
end

local own = projectOf(key)
if status == 'running' or redis.call('SISMEMBER', keys.taken(own), id) == 1 then
  if fits(id) then return { 'take', id, run } end
  if status == 'running' then
    lose(id, at, redisRun)
    change(id, 'running', 'queued', at, 'its worker is gone; it waits for one with enough memory', ms)
    wake(id)
  end
  redis.call('SREM', keys.taken(own), id)
  await(id, 0)
elseif not redis.call('ZSCORE', keys.waiting(own), id) then
  if not hasRoom(own) or not fits(id) then return { 'wait' } end
  redis.call('SADD', keys.taken(own), id)
  return { 'take', id, run }
end
local project, first
for _, each in ipairs(redis.call('ZRANGE', keys.turns, 0, -1)) do
  first = hasRoom(each) and firstOf(each)
  if first then
    project = each
    break
  end
end
if not project then return { 'wait' } end
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
