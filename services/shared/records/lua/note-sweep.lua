-- What the coordinator found: fields of the record, and an event that tells of them.
-- keys       sweep, events
-- arguments  id, attempt, at, type of the event ('' = none), its data, then fields of the record
-- answers    ok | fenced
-- events     best, warning
local id, attempt, at, kind, data = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not coordinates(id, attempt, '') then return 'fenced' end
set(keys.sweep(id), { unpack(ARGV, 6) })
if kind ~= '' then append(keys.sweep(id), keys.sweepEvents(id), kind, at, data) end
wake(id)
return 'ok'
