-- A change of a sweep's status, where the targets allow it. One that waits and has begun no trial ends at once.
-- keys       sweep, events, trials, those under way; from paused the outbox; at an end archive and users
-- arguments  id, targets as JSON (from → to), at, ms, reason, attempt ('' = any may change it), then fields
-- answers    {changed | already | missing | fenced | forbidden, status}
-- events     status
local id, targets, at, ms, reason, attempt = ARGV[1], cjson.decode(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local key = keys.sweep(id)
local from = redis.call('HGET', key, 'status')
if not from then return { 'missing', '' } end
if attempt ~= '' and not coordinates(id, attempt, '') then return { 'fenced', from } end
local to = targets[from]
if not to then return { 'forbidden', from } end
if to == from then return { 'already', from } end
local waits = from == 'queued' or from == 'paused'
if to == 'cancelling' and waits and redis.call('EXISTS', keys.sweepTrials(id)) == 0 then to = 'cancelled' end
set(key, { unpack(ARGV, 7) })
changeSweep(id, from, to, at, reason, ms)
return { 'changed', to }
