-- Deletes the record of an evaluation that ended.
-- keys       evaluation, those of its model, its project
-- arguments  id
-- answers    deleted | missing | its status, where it has not ended
-- events     none
local id = ARGV[1]
local key = keys.evaluation(id)
local status = redis.call('HGET', key, 'status')
if not status then return 'missing' end
if status ~= 'cancelled' and status ~= 'succeeded' and status ~= 'failed' then return status end
weigh(key, 0, projectOfEvaluation(id))
redis.call('ZREM', keys.evaluationsOfModel(cjson.decode('[' .. redis.call('HGET', key, 'model') .. ']')[1]), id)
redis.call('DEL', key)
return 'deleted'
