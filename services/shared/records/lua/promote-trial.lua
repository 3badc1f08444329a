-- A trial goes on to its next rung: its job, which waits at the end of the last one, is ordered again.
-- keys       sweep, its trials and events, job, its events, the indices by status, outbox
-- arguments  sweep, attempt, trial, rung, what the job knows of it as JSON, at, ms, row of the trial
-- answers    ok | not-wanted (gone on already, or the sweep does not run) | lost (the job does not wait)
-- events     trial; of the job status
local sweep, attempt, trial, rung, known, at, ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local trials = keys.sweepTrials(sweep)
if not coordinates(sweep, attempt, 'running') then return 'not-wanted' end
if redis.call('HEXISTS', trials, trial .. ':' .. rung) == 1 then return 'not-wanted' end
local job = redis.call('HGET', trials, trial)
if not job or redis.call('HGET', keys.job(job), 'status') ~= 'paused' then return 'lost' end
redis.call('HSET', trials, trial .. ':' .. rung, '')
redis.call('HSET', keys.job(job), 'rung', known)
redis.call('HDEL', keys.job(job), 'interruption')
change(job, 'paused', 'queued', at, 'goes on to rung ' .. rung .. ' of its sweep', ms)
deliver(job, ms)
wake(job)
tellTrial(sweep, at, ARGV[8])
return 'ok'
