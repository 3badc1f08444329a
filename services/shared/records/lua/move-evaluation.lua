-- A change of an evaluation: of its status where the targets allow it, and of fields, also where the status stays.
-- keys       evaluation; at an end those under way and the users of its dataset
-- arguments  id, targets as JSON (from → to), at, attempt ('' = any may change it), then fields of the record
-- answers    {changed | already | missing | fenced | forbidden, status}
-- events     none
local id, targets, at, fence = ARGV[1], cjson.decode(ARGV[2]), ARGV[3], ARGV[4]
local key = keys.evaluation(id)
local from = redis.call('HGET', key, 'status')
if not from then return { 'missing', '' } end
if fence ~= '' and redis.call('HGET', key, 'attempt') ~= fence then return { 'fenced', from } end
local to = targets[from]
if not to then return { 'forbidden', from } end
set(key, { unpack(ARGV, 5) })
if to == from then return { 'already', from } end
redis.call('HSET', key, 'status', to)
-- Given back or ended: no crash.
if to ~= 'cancelling' then redis.call('HSET', key, 'open', 0) end
if to == 'cancelled' or to == 'succeeded' or to == 'failed' then endEvaluation(id, at, to == 'succeeded') end
return { 'changed', to }
