-- What became of a try to call a job's webhook. A job that was deleted meanwhile stays deleted.
-- keys       the job's webhooks
-- arguments  id, event, record as JSON
-- answers    ok | missing
-- events     none
if redis.call('HEXISTS', keys.jobWebhooks(ARGV[1]), ARGV[2]) == 0 then return 'missing' end
redis.call('HSET', keys.jobWebhooks(ARGV[1]), ARGV[2], ARGV[3])
return 'ok'
