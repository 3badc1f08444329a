-- Brings the records of an older version to this one: from before there were projects, everything is the default's.
-- keys       version, projects, jobs, the indices by project, aliases
-- arguments  version that is wanted, statuses of jobs as JSON, key of the aliases of datasets and of models before
-- answers    migrated | current
-- events     none
local wanted, statuses = tonumber(ARGV[1]), cjson.decode(ARGV[2])
if tonumber(redis.call('GET', keys.version) or '1') >= wanted then return 'current' end
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
for _, id in ipairs(redis.call('ZRANGE', keys.jobsByStatus('queued'), 0, -1)) do await(id, 0) end
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
redis.call('SET', keys.version, wanted)
return 'migrated'
