-- Brings the records of an older version to this one, a step for each version in between.
-- keys       version, projects, keys, unkept, jobs, the indices by project, aliases, waiting, needs, turns, tickets
-- arguments  version that is wanted, statuses of jobs as JSON, keys of the aliases of datasets and of models in
--            version 1, of the turns and tickets in version 3
-- answers    {migrated | current | newer, version that was found}
-- events     none
local wanted, statuses = tonumber(ARGV[1]), cjson.decode(ARGV[2])
local found = tonumber(redis.call('GET', keys.version) or '1')
if found > wanted then return { 'newer', found } end
if found == wanted then return { 'current', found } end

-- From before checks and evaluations had turns, as jobs had.
if found < 4 then
  local function move(from, to)
    if redis.call('EXISTS', from) == 1 then redis.call('RENAME', from, to) end
  end
  for _, project in ipairs(redis.call('ZRANGE', keys.projects, 0, -1)) do
    local key = keys.project(project)
    for _, name in ipairs({ 'waiting', 'needs' }) do move(key .. ':' .. name, keys[name](project, 'training')) end
    local served = redis.call('HGET', key, 'served')
    if served then redis.call('HSET', key, 'served:training', served) end
    redis.call('HDEL', key, 'served')
  end
  move(ARGV[5], keys.turns('training'))
  move(ARGV[6], keys.tickets('training'))
end

-- From before there were projects: everything is the default's.
if found < 2 then
  redis.call('ZUNIONSTORE', keys.projectJobs(defaultProject), 2, keys.projectJobs(defaultProject), keys.jobs)
  for _, status in ipairs(statuses) do
    local index = keys.projectJobsByStatus(defaultProject, status)
    redis.call('ZUNIONSTORE', index, 2, index, keys.jobsByStatus(status))
  end
  for at, kind in ipairs({ 'dataset', 'model' }) do
    local index = keys.projectResources(defaultProject, kind)
    redis.call('ZUNIONSTORE', index, 2, index, keys.resources(kind))
    if redis.call('EXISTS', ARGV[2 + at]) == 1 then
      redis.call('RENAMENX', ARGV[2 + at], keys.aliases(defaultProject, kind))
    end
  end
  for _, id in ipairs(redis.call('ZRANGE', keys.jobsByStatus('queued'), 0, -1)) do await('training', id, 0) end
  for _, id in ipairs(redis.call('ZRANGE', keys.jobs, 0, -1)) do
    local bytes = 0
    local checkpoints = redis.call('HVALS', keys.jobCheckpoints(id))
    for _, record in ipairs(checkpoints) do bytes = bytes + cjson.decode(record).bytes end
    weigh(keys.job(id), bytes)
  end
  for _, kind in ipairs({ 'dataset', 'model' }) do
    for _, id in ipairs(redis.call('ZRANGE', keys.resources(kind), 0, -1)) do measure(kind, id) end
  end
  redis.call('ZADD', keys.projects, 0, defaultProject)
end

-- From before jobs said how much memory they need, which is not known until a worker takes them, and projects
-- and keys had manifests.
if found < 3 then
  for _, id in ipairs(redis.call('ZRANGE', keys.allKeys, 0, -1)) do unkeep(id) end
  for _, project in ipairs(redis.call('ZRANGE', keys.projects, 0, -1)) do
    if redis.call('HEXISTS', keys.project(project), 'id') == 1 then unkeep(project) end
    for _, id in ipairs(redis.call('ZRANGE', keys.waiting(project, 'training'), 0, -1)) do
      redis.call('ZADD', keys.needs(project, 'training'), 'NX', 0, id)
    end
  end
end

-- What waited then stands in line from here on. Predictions count as stored: a model's, and those of its evaluations
-- that made some or still may.
if found < 4 then
  for _, id in ipairs(redis.call('ZRANGE', keys.resources('dataset'), 0, -1)) do
    local builtin = string.sub(id, 1, #builtinPrefix) == builtinPrefix
    if not builtin and lines.datasets.stands(id) == 'waits' then await('datasets', id, 0) end
  end
  for _, id in ipairs(redis.call('ZRANGE', keys.evaluationsUnderWay, 0, -1)) do
    if lines.evaluations.stands(id) == 'waits' then await('evaluations', id, 0) end
  end
  for _, id in ipairs(redis.call('ZRANGE', keys.resources('model'), 0, -1)) do
    local key = keys.resource('model', id)
    measure('model', id)
    local classes = #cjson.decode(redis.call('HGET', key, 'classes'))
    for _, evaluation in ipairs(redis.call('ZRANGE', keys.evaluationsOfModel(id), 0, -1)) do
      local progress, status = unpack(redis.call('HMGET', keys.evaluation(evaluation), 'progress', 'status'))
      if status ~= 'failed' and status ~= 'cancelled' then
        weigh(keys.evaluation(evaluation), bytesOfPredictions(cjson.decode(progress).total, classes), projectOf(key))
      end
    end
  end
end

redis.call('SET', keys.version, wanted)
return { 'migrated', found }
