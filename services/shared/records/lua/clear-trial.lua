-- A trial that cannot win any more: its job, if it waits, ends, and what it left behind is let go.
-- keys       sweep, its trials and events, job, its events, the indices by status, archive, users
-- arguments  sweep, attempt, trial, whether the model is gone (1 or 0), at, ms, row of the trial
-- answers    ok | fenced
-- events     trial and of the job status, where it waited
local sweep, attempt, trial, gone, at, ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local trials = keys.sweepTrials(sweep)
if not coordinates(sweep, attempt, '') then return 'fenced' end
if redis.call('HEXISTS', trials, trial .. ':over') == 1 then return 'ok' end
local job = redis.call('HGET', trials, trial)
local status = job and redis.call('HGET', keys.job(job), 'status')
if status then
  if status == 'paused' then
    change(job, 'paused', 'cancelled', at, 'its trial does not go on', ms)
    tellTrial(sweep, at, ARGV[7])
  end
  if gone == '1' then redis.call('HDEL', keys.job(job), 'model') end
  -- Its manifest is written anew, without what is gone.
  redis.call('ZADD', keys.archive, ms, job)
  wake(job)
end
redis.call('HSET', trials, trial .. ':over', '1')
return 'ok'
