-- The end of a job that made a model: the job's record and the model's, both or neither.
-- keys       job, events, the indices by status, archive, model, models, users of dataset and initial model, outbox
-- arguments  id, attempt, at, ms, reason, model id, number of job fields and values, job fields, model fields
-- answers    {changed | already | missing | fenced | forbidden, status}
-- events     attempt, model, status
local id, fence, at, ms, reason = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local model, count = ARGV[6], tonumber(ARGV[7])
local key = keys.job(id)
local from = redis.call('HGET', key, 'status')
if not from then return { 'missing', '' } end
local attempt = tonumber(redis.call('HGET', key, 'attempt'))
if attempt ~= fence then return { 'fenced', from } end
if from == 'succeeded' then return { 'already', from } end
if from == 'cancelling' or not allowed(from, 'succeeded') then return { 'forbidden', from } end
set(key, { unpack(ARGV, 8, 7 + count) })
redis.call('HSET', key, 'model', cjson.encode(model), 'crashes', 0)
set(keys.resource('model', model), { unpack(ARGV, 8 + count) })
local project = projectOf(key)
redis.call('HSET', keys.resource('model', model), 'project', cjson.encode(project))
redis.call('ZADD', keys.resources('model'), 0, model)
redis.call('ZADD', keys.projectResources(project, 'model'), 0, model)
redis.call('SADD', keys.users('dataset', redis.call('HGET', key, 'datasetId')), model)
measure('model', model)
closeAttempt(id, attempt, at, 'finished')
emit(id, 'model', at, cjson.encode({ model = model }))
change(id, from, 'succeeded', at, reason, ms)
changed('model', model)
wake(id)
return { 'changed', 'succeeded' }
