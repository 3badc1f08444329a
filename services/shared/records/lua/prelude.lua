-- What every script begins with. Before it stand, written by scripts.ts from the one place where each is kept:
--   keys, channels    names in Redis (services/shared/redis-keys.ts)
--   orders            members of the outbox (services/shared/outbox.ts)
--   transitions       status → statuses that may follow (schemas/job.ts)
--   defaultProject    where everything belongs that nobody put elsewhere (schemas/access.ts)
--   builtinPrefix     of datasets that are everybody's (services/shared/ids.ts)

local function terminal(status)
  return next(transitions[status]) == nil
end

local function allowed(from, to)
  for _, each in ipairs(transitions[from]) do
    if each == to then return true end
  end
  return false
end

-- Adds an event to the sequence of a record and answers its number.
local function append(record, stream, kind, at, data)
  local sequence = redis.call('HINCRBY', record, 'events', 1)
  redis.call('XADD', stream, sequence .. '-0', 'type', kind, 'at', at, 'data', data)
  return sequence
end

-- The same for a job.
local function emit(id, kind, at, data)
  return append(keys.job(id), keys.jobEvents(id), kind, at, data)
end

-- Tells readers that the sequence of a job or a sweep has grown.
local function wake(id)
  redis.call('PUBLISH', channels.events(id), id)
end

-- The project of a record. Those from before there were projects have no such field.
local function projectOf(key)
  local project = redis.call('HGET', key, 'project')
  return project and cjson.decode('[' .. project .. ']')[1] or defaultProject
end

-- The projects in whose lists a dataset or model stands: its own; all of them where it is built in.
local function homesOf(kind, id)
  if string.sub(id, 1, #builtinPrefix) ~= builtinPrefix then return { projectOf(keys.resource(kind, id)) } end
  local all = redis.call('ZRANGE', keys.projects, 0, -1)
  return #all > 0 and all or { defaultProject }
end

-- Tells those who keep copies that a dataset, model, key or project is another now, is gone, or has another alias.
local function changed(kind, id)
  redis.call('PUBLISH', channels.changed, kind .. ':' .. id)
end

-- A project or a key is another now, or is gone: so is its manifest to be.
local function unkeep(id)
  redis.call('ZADD', keys.unkept, redis.call('INCR', keys.changes), id)
end

-- Whether an alias belongs to another of the project. A dataset that was rejected gives its own back to whoever asks
-- for it.
local function taken(project, kind, alias, id)
  local owner = redis.call('HGET', keys.aliases(project, kind), alias)
  if not owner or owner == id then return false end
  local key = keys.resource(kind, owner)
  if redis.call('HGET', key, 'status') ~= '"rejected"' then return true end
  redis.call('HSET', key, 'alias', 'null')
  changed(kind, owner)
  return false
end

-- The number of a stream's last entry; 0 where it has none.
local function lastId(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  if #last == 0 then return 0 end
  return tonumber(string.match(last[1][1], '^(%d+)'))
end

-- Writes field, value, field, value …; an empty value removes the field.
local function set(key, fields)
  for i = 1, #fields, 2 do
    if fields[i + 1] == '' then
      redis.call('HDEL', key, fields[i])
    else
      redis.call('HSET', key, fields[i], fields[i + 1])
    end
  end
end

-- A limit of a project; nil where there is none.
local function limitOf(project, name)
  local limits = redis.call('HGET', keys.project(project), 'limits')
  local most = limits and cjson.decode(limits)[name]
  return type(most) == 'number' and most or nil
end

-- 'limit:name:most:used' where a project may not have one more; nil where it may.
local function reached(project, name, used)
  local most = limitOf(project, name)
  return most and used >= most and string.format('limit:%s:%.0f:%.0f', name, most, used) or nil
end

-- What a record takes up in storage.
local function storedOf(key)
  return tonumber(redis.call('HGET', key, 'stored') or '0')
end

-- 'limit:storedBytes:most:used' where a project may not store so many bytes more; nil where it may.
local function overfull(project, more)
  local used = tonumber(redis.call('HGET', keys.project(project), 'storedBytes') or '0')
  local most = more > 0 and limitOf(project, 'storedBytes')
  return most and used + more > most and string.format('limit:storedBytes:%.0f:%.0f', most, used) or nil
end

-- What a record takes up counts for its project; `bytes` replace what it took before.
local function weigh(key, bytes, project)
  local before = storedOf(key)
  if bytes == before then return end
  if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, 'stored', string.format('%.0f', bytes)) end
  local counter = keys.project(project or projectOf(key))
  redis.call('HINCRBY', counter, 'storedBytes', string.format('%.0f', bytes - before))
end

-- What an attempt at a job is about to store counts before it is written, under a name; 0 lets it go.
local function heldOf(key)
  return cjson.decode(redis.call('HGET', key, 'held') or '{}')
end
local function hold(key, name, bytes)
  local held = heldOf(key)
  local before = held[name] or 0
  held[name] = bytes > 0 and bytes or nil
  if next(held) then redis.call('HSET', key, 'held', cjson.encode(held)) else redis.call('HDEL', key, 'held') end
  weigh(key, storedOf(key) + bytes - before)
end

-- The attempt is over: what it did not record it did not store.
local function letGo(key)
  for name in pairs(heldOf(key)) do hold(key, name, 0) end
end

-- The project of an evaluation is its model's.
local function projectOfEvaluation(id)
  local model = redis.call('HGET', keys.evaluation(id), 'model')
  return projectOf(keys.resource('model', cjson.decode('[' .. model .. ']')[1]))
end

-- Bytes of predictions: float32 of each class and int32 of the true one, for each sample.
local function bytesOfPredictions(samples, classes)
  return 4 * samples * (classes + 1)
end

-- What waits for workers, a line for each queue: where its record stands, whose it is, its place among those of its
-- project (a lower one goes first), how much of a worker it needs, the number of its delivery, and how it stands:
-- waits | begun | wanted (to be ended by any worker) | gone.
local ageMs = 4398046511104 -- 2^42: no time reaches it
local packedBytes = 2 ^ 50 -- of a file that is to be unpacked to nobody knows how many bytes
local lines = {
  training = {
    key = keys.job,
    project = function(id) return projectOf(keys.job(id)) end,
    place = function(id)
      local request = cjson.decode(redis.call('HGET', keys.job(id), 'request') or '{}')
      return (100 - (request.priority or 0)) * ageMs
    end,
    needs = function(id) return tonumber(redis.call('HGET', keys.job(id), 'bytes') or '0') end,
    run = function(id) return redis.call('HGET', keys.job(id), 'run') end,
    stands = function(id)
      local status = redis.call('HGET', keys.job(id), 'status')
      if status == 'queued' then return 'waits' end
      if status == 'running' then return 'begun' end
      return (status == 'pausing' or status == 'cancelling') and 'wanted' or 'gone'
    end,
  },
  datasets = {
    key = function(id) return keys.resource('dataset', id) end,
    project = function(id) return projectOf(keys.resource('dataset', id)) end,
    needs = function(id)
      local upload = redis.call('HGET', keys.resource('dataset', id), 'upload')
      local bytes = 0
      for _, file in ipairs(upload and upload ~= 'null' and cjson.decode(upload).files or {}) do
        bytes = bytes + (file.packed and packedBytes or file.bytes)
      end
      return bytes
    end,
    run = function() return '' end,
    stands = function(id)
      return redis.call('HGET', keys.resource('dataset', id), 'status') == '"checking"' and 'waits' or 'gone'
    end,
  },
  evaluations = {
    key = keys.evaluation,
    project = projectOfEvaluation,
    place = function() return 0 end,
    needs = function() return 0 end,
    run = function() return '' end,
    stands = function(id)
      local status = redis.call('HGET', keys.evaluation(id), 'status')
      if status == 'queued' then return 'waits' end
      if status == 'running' then return 'begun' end
      return status == 'cancelling' and 'wanted' or 'gone'
    end,
  },
}
-- Small uploads first, those of about the same size in order of arrival.
lines.datasets.place = function(id) return math.floor(math.log(1 + lines.datasets.needs(id)) / math.log(2)) * ageMs end

-- It waits for a worker: behind those of its project that have its place.
local function await(queue, id, ms)
  local line = lines[queue]
  local project = line.project(id)
  redis.call('ZADD', keys.waiting(project, queue), string.format('%.0f', line.place(id) + ms), id)
  redis.call('ZADD', keys.needs(project, queue), string.format('%.0f', line.needs(id)), id)
  local served = redis.call('HGET', keys.project(project), 'served:' .. queue)
  redis.call('ZADD', keys.turns(queue), 'NX', served or 0, project)
end

-- It waits no longer.
local function unwait(queue, id)
  local project = lines[queue].project(id)
  redis.call('ZREM', keys.waiting(project, queue), id)
  redis.call('ZREM', keys.needs(project, queue), id)
  if redis.call('EXISTS', keys.waiting(project, queue)) == 0 then redis.call('ZREM', keys.turns(queue), project) end
end

-- The name of the delivery that stands for it now.
local function ticketOf(queue, id)
  local line = lines[queue]
  local run = line.run(id)
  return redis.call('HGET', line.key(id), 'ticket') or (run == '' and id or id .. '-' .. run)
end

-- It is over: no delivery stands for it any more.
local function leave(queue, id)
  unwait(queue, id)
  redis.call('HDEL', keys.tickets(queue), ticketOf(queue, id))
end

-- A job's own order for a delivery, under a new number of its life.
local function deliver(id, ms)
  local run = redis.call('HINCRBY', keys.job(id), 'run', 1)
  redis.call('HDEL', keys.job(id), 'ticket')
  await('training', id, ms)
  redis.call('ZADD', keys.outbox, ms, orders.training(id, run))
end

-- A sweep's, likewise.
local function deliverSweep(id, ms)
  local run = redis.call('HINCRBY', keys.sweep(id), 'run', 1)
  redis.call('ZADD', keys.outbox, ms, orders.sweeps(id, run))
end

-- The coordinator of a sweep is told: of a trial, or with '' of the sweep itself.
local function notice(sweep, trial)
  redis.call('PUBLISH', channels.sweeps, sweep .. ':' .. trial)
end

-- A trial of a sweep, as its rows tell it, is another now.
local function tellTrial(sweep, at, row)
  append(keys.sweep(sweep), keys.sweepEvents(sweep), 'trial', at, row)
  wake(sweep)
end

-- Whether a write comes from the present coordinator of a sweep, and the sweep has that status ('' = any).
local function coordinates(sweep, attempt, status)
  local key = keys.sweep(sweep)
  if redis.call('HGET', key, 'attempt') ~= attempt then return false end
  return status == '' or redis.call('HGET', key, 'status') == status
end

-- Of a trial's job: its sweep's clock runs from the first training on, and its coordinator hears of every stop.
local function tellSweep(id, to, ms)
  local sweep, trial = unpack(redis.call('HMGET', keys.job(id), 'sweepId', 'trial'))
  if not sweep then return end
  if to == 'running' and redis.call('HGET', keys.sweep(sweep), 'status') == 'running' then
    redis.call('HSETNX', keys.sweep(sweep), 'since', ms)
  end
  if to == 'paused' or terminal(to) then notice(sweep, trial) end
end

-- What a change of status may have changed, besides the status: kept for the body of the webhook that tells of it.
local varying = {
  'startedAt', 'finishedAt', 'progress', 'result', 'model', 'error', 'receipt', 'reproduction', 'attempt',
}
local function snapshot(key)
  local fields = {}
  local function keep(name)
    local value = redis.call('HGET', key, name)
    if value then fields[name] = value end
  end
  for _, name in ipairs(varying) do keep(name) end
  keep('attempt:' .. fields.attempt)
  keep('attempt:' .. fields.attempt .. ':end')
  return fields
end

-- The order to call a job's webhook for an event, and the record of that delivery (records/webhooks.ts).
local function tell(id, sequence, to, at, ms)
  local delivery = {
    type = 'job.' .. to,
    at = at,
    status = to,
    state = 'waiting',
    tries = 0,
    lastTry = cjson.null,
    snapshot = snapshot(keys.job(id)),
  }
  redis.call('HSET', keys.jobWebhooks(id), sequence, cjson.encode(delivery))
  redis.call('ZADD', keys.outbox, ms, orders.webhooks(id, sequence))
end

-- Moves a job from one status to another. Event: status. An end frees what the job needed.
local function change(id, from, to, at, reason, ms)
  local key = keys.job(id)
  local project = projectOf(key)
  redis.call('HSET', key, 'status', to)
  if to == 'queued' or to == 'paused' or terminal(to) then letGo(key) end
  redis.call('ZREM', keys.jobsByStatus(from), id)
  redis.call('ZADD', keys.jobsByStatus(to), 0, id)
  redis.call('ZREM', keys.projectJobsByStatus(project, from), id)
  redis.call('ZADD', keys.projectJobsByStatus(project, to), 0, id)
  if from == 'queued' then unwait('training', id) end
  if to == 'paused' or terminal(to) then
    redis.call('SREM', keys.taken(project), id)
    leave('training', id)
  end
  local data = { status = to, terminal = terminal(to), reason = reason ~= '' and reason or cjson.null }
  local sequence = emit(id, 'status', at, cjson.encode(data))
  if terminal(to) then
    redis.call('HSET', key, 'finishedAt', cjson.encode(at))
    redis.call('ZADD', keys.archive, ms, id)
    local dataset = redis.call('HGET', key, 'datasetId')
    if dataset then redis.call('SREM', keys.users('dataset', dataset), id) end
    local model = redis.call('HGET', key, 'initialModelId')
    if model then redis.call('SREM', keys.users('model', model), id) end
  end
  if redis.call('HEXISTS', key, 'webhook') == 1 then tell(id, sequence, to, at, ms) end
  tellSweep(id, to, ms)
  if to == 'pausing' or to == 'cancelling' then redis.call('PUBLISH', channels.control, id) end
end

-- Moves a sweep from one status to another. Event: status. Its clock stands while it is paused; an end frees what the
-- sweep needed.
local function changeSweep(id, from, to, at, reason, ms)
  local key = keys.sweep(id)
  redis.call('HSET', key, 'status', to)
  local since = redis.call('HGET', key, 'since')
  if since and (to == 'paused' or terminal(to)) then
    redis.call('HINCRBY', key, 'ranMs', math.max(0, tonumber(ms) - tonumber(since)))
    redis.call('HDEL', key, 'since')
  end
  local data = { status = to, terminal = terminal(to), reason = reason ~= '' and reason or cjson.null }
  append(key, keys.sweepEvents(id), 'status', at, cjson.encode(data))
  if to == 'paused' or terminal(to) then redis.call('ZREM', keys.sweepsUnderWay, id) end
  if from == 'paused' then
    redis.call('ZADD', keys.sweepsUnderWay, 0, id)
    deliverSweep(id, ms)
  end
  if terminal(to) then
    redis.call('HSET', key, 'finishedAt', cjson.encode(at))
    redis.call('ZADD', keys.sweepArchive, ms, id)
    redis.call('SREM', keys.users('dataset', redis.call('HGET', key, 'datasetId')), id)
    for _, model in ipairs(cjson.decode(redis.call('HGET', key, 'models'))) do
      redis.call('SREM', keys.users('model', model), id)
    end
  end
  notice(id, '')
  wake(id)
end

-- Closes an attempt that is open. Event: attempt.
local function closeAttempt(id, number, at, reason)
  local key = keys.job(id)
  if number == 0 or redis.call('HEXISTS', key, 'attempt:' .. number .. ':end') == 1 then return end
  redis.call('HSET', key, 'attempt:' .. number .. ':end', cjson.encode({ at = at, reason = reason }))
  local opened = cjson.decode(redis.call('HGET', key, 'attempt:' .. number))
  emit(id, 'attempt', at, cjson.encode({
    worker = opened.worker,
    startedAt = opened.startedAt,
    endedAt = at,
    reason = reason,
    fromCheckpoint = opened.fromCheckpoint,
  }))
end

-- The worker of an attempt that was left open is gone. That is a crash of the job's, unless Redis itself went away
-- meanwhile. Answers how many there were. Event: attempt.
local function lose(id, at, redisRun)
  local key = keys.job(id)
  local number, crashes, run = unpack(redis.call('HMGET', key, 'attempt', 'crashes', 'redisRun'))
  number, crashes = tonumber(number), tonumber(crashes)
  if number == 0 or redis.call('HEXISTS', key, 'attempt:' .. number .. ':end') == 1 then return crashes end
  closeAttempt(id, number, at, 'lost')
  return run == redisRun and redis.call('HINCRBY', key, 'crashes', 1) or crashes
end

-- An evaluation that ended frees what it needed, and where it `keeps` no predictions, their room.
local function endEvaluation(id, at, keeps)
  local key = keys.evaluation(id)
  if not keeps then weigh(key, 0, projectOfEvaluation(id)) end
  leave('evaluations', id)
  redis.call('HSET', key, 'finishedAt', cjson.encode(at))
  redis.call('ZREM', keys.evaluationsUnderWay, id)
  local dataset = redis.call('HGET', key, 'dataset')
  if dataset then redis.call('SREM', keys.users('dataset', cjson.decode(dataset).id), id) end
end

-- The aliases of a model, {name, at} each, the one given last at the end; a model made with one has no list yet.
local function namesOf(id)
  local key = keys.resource('model', id)
  local names = redis.call('HGET', key, 'aliases')
  if names then return cjson.decode(names) end
  local alias = redis.call('HGET', key, 'alias')
  if not alias or alias == 'null' then return {} end
  local one = cjson.decode('[' .. alias .. ',' .. redis.call('HGET', key, 'createdAt') .. ']')
  return { { name = one[1], at = one[2] } }
end

-- Replaces them. The model shows the last.
local function setNames(id, names)
  local key = keys.resource('model', id)
  if #names == 0 then
    redis.call('HDEL', key, 'aliases')
    redis.call('HSET', key, 'alias', 'null')
  else
    redis.call('HSET', key, 'aliases', cjson.encode(names), 'alias', cjson.encode(names[#names].name))
  end
end

-- Takes an alias away from the model that has it.
local function unname(id, alias)
  local left = {}
  for _, each in ipairs(namesOf(id)) do
    if each.name ~= alias then table.insert(left, each) end
  end
  setNames(id, left)
  redis.call('HDEL', keys.aliases(projectOf(keys.resource('model', id)), 'model'), alias)
end

-- A dataset or model takes up its bytes, a model those of its predictions too; a dataset that is still checked, those
-- of its upload; a built-in one nobody's.
local function measure(kind, id)
  if string.sub(id, 1, #builtinPrefix) == builtinPrefix then return end
  local key = keys.resource(kind, id)
  local bytes = tonumber(redis.call('HGET', key, 'bytes') or '')
  local upload = not bytes and redis.call('HGET', key, 'upload')
  if upload and upload ~= 'null' then
    bytes = 0
    for _, file in ipairs(cjson.decode(upload).files) do bytes = bytes + file.bytes end
  end
  local files = kind == 'model' and redis.call('HGET', key, 'files')
  for _, split in pairs(files and cjson.decode(files).predictions or {}) do
    bytes = bytes + bytesOfPredictions(split.count, split.classes)
  end
  weigh(key, bytes or 0)
end
