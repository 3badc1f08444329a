-- Whose turn it is. A delivery is a ticket: it stands for its own job, dataset or evaluation until a worker takes it;
-- then the project whose turn was longest ago gives the first of its own that the worker has room for, and the two
-- change tickets. One that was begun keeps its own, unless it needs more than the worker has: then it waits again,
-- before all others of its place.
-- keys       tickets, turns, turn, the records of the queue, waiting and needs of each project, of jobs taken; of a job
--            whose worker is gone events and the indices by status
-- arguments  queue, name of the delivery, most that one may need there, at, ms, run of Redis
-- answers    {take, id, run or ''} | {wait}, where every project has as many running as it may, or none one that fits
--            | {none}
-- events     of a job whose worker is gone attempt, status
local queue, ticket, most, at, ms, redisRun = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local line = lines[queue]
local named = redis.call('HGET', keys.tickets(queue), ticket) or ticket
local id, run = string.match(named, '^([%w_]+)[-:]?(%d*)$')
if not id or line.run(id) ~= run or ticketOf(queue, id) ~= ticket then return { 'none' } end
local stands = line.stands(id)
if stands == 'gone' then return { 'none' } end
-- Somebody has to fulfil what was asked of one whose worker is gone: that needs no room.
if stands == 'wanted' then return { 'take', id, run } end

local function fits(each)
  return line.needs(each) <= most
end

-- Of jobs a project may have only so many under way.
local function hasRoom(project)
  return queue ~= 'training' or not reached(project, 'runningJobs', redis.call('SCARD', keys.taken(project)))
end

local function take(each)
  if queue == 'training' then redis.call('SADD', keys.taken(line.project(each)), each) end
  return { 'take', each, line.run(each) }
end

-- The first of a project that fits; nil where none does.
local function firstOf(project)
  local waiting = keys.waiting(project, queue)
  if #redis.call('ZRANGEBYSCORE', keys.needs(project, queue), '-inf', most, 'LIMIT', 0, 1) == 0 then return nil end
  for from = 0, redis.call('ZCARD', waiting), 100 do
    for _, each in ipairs(redis.call('ZRANGE', waiting, from, from + 99)) do
      if fits(each) then return each end
    end
  end
end

local own = line.project(id)
if stands == 'begun' or redis.call('SISMEMBER', keys.taken(own), id) == 1 then
  if fits(id) then return { 'take', id, run } end
  if stands == 'begun' then
    lose(id, at, redisRun)
    change(id, 'running', 'queued', at, 'its worker is gone; it waits for one with enough memory', ms)
    wake(id)
  end
  redis.call('SREM', keys.taken(own), id)
  await(queue, id, 0)
elseif not redis.call('ZSCORE', keys.waiting(own, queue), id) then
  if not hasRoom(own) or not fits(id) then return { 'wait' } end
  return take(id)
end
local project, first
for _, each in ipairs(redis.call('ZRANGE', keys.turns(queue), 0, -1)) do
  first = hasRoom(each) and firstOf(each)
  if first then
    project = each
    break
  end
end
if not project then return { 'wait' } end
if first ~= id then
  local function standsFor(each)
    local number = line.run(each)
    return number == '' and each or each .. ':' .. number
  end
  local other = ticketOf(queue, first)
  redis.call('HSET', keys.tickets(queue), ticket, standsFor(first), other, standsFor(id))
  redis.call('HSET', line.key(first), 'ticket', ticket)
  redis.call('HSET', line.key(id), 'ticket', other)
end
local turn = redis.call('INCR', keys.turn)
redis.call('HSET', keys.project(project), 'served:' .. queue, turn)
redis.call('ZADD', keys.turns(queue), turn, project)
unwait(queue, first)
return take(first)
