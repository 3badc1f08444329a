-- Deletes the records of a sweep that ended; its jobs are the caller's.
-- keys       sweep, events, trials, sweeps, the index by dataset, index of its jobs, archive
-- arguments  id
-- answers    deleted | missing | its status, where it has not ended
-- events     none; readers are woken and find that it is gone
local id = ARGV[1]
local key = keys.sweep(id)
local status, dataset = unpack(redis.call('HMGET', key, 'status', 'datasetId'))
if not status then return 'missing' end
if not terminal(status) then return status end
redis.call('ZREM', keys.sweeps, id)
redis.call('ZREM', keys.sweepsByDataset(dataset), id)
redis.call('ZREM', keys.sweepArchive, id)
redis.call('DEL', key, keys.sweepEvents(id), keys.sweepTrials(id), keys.jobsBySweep(id))
wake(id)
return 'deleted'
