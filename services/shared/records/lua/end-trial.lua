-- The outcome of a trial in a rung. The first one stays.
-- keys       sweep, its trials and events
-- arguments  sweep, attempt, trial, rung, outcome as JSON, at, row of the trial
-- answers    ok | known | fenced
-- events     trial
local sweep, attempt, trial, rung, outcome, at = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if not coordinates(sweep, attempt, '') then return 'fenced' end
local field = trial .. ':' .. rung
if (redis.call('HGET', keys.sweepTrials(sweep), field) or '') ~= '' then return 'known' end
redis.call('HSET', keys.sweepTrials(sweep), field, outcome)
tellTrial(sweep, at, ARGV[7])
return 'ok'
