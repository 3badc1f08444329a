-- The manifest of a project or a key stands in storage, as it was at that change.
-- keys       unkept
-- arguments  id, number of the change
-- answers    ok | changed, where there was another meanwhile
-- events     none
if redis.call('ZSCORE', keys.unkept, ARGV[1]) ~= ARGV[2] then return 'changed' end
redis.call('ZREM', keys.unkept, ARGV[1])
return 'ok'
