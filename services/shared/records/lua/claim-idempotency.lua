-- Claims an Idempotency-Key for a write, or gives the answer that the write got before.
-- keys       the entry of the scope and key
-- arguments  scope, key, fingerprint of the body, id for what will be made, lease in ms, life in ms, now in ms
-- answers    {fresh, id} | {in-flight} | {mismatch} | {answered, answer}
-- events     none
local entry, fingerprint, id = keys.idempotency(ARGV[1], ARGV[2]), ARGV[3], ARGV[4]
local lease, life, now = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local before = redis.call('HGET', entry, 'fingerprint')
if before then
  if before ~= fingerprint then return { 'mismatch' } end
  local answer = redis.call('HGET', entry, 'answer')
  if answer then return { 'answered', answer } end
  if now < tonumber(redis.call('HGET', entry, 'until')) then return { 'in-flight' } end
  id = redis.call('HGET', entry, 'id')
end
redis.call('HSET', entry, 'fingerprint', fingerprint, 'id', id, 'until', now + lease)
redis.call('PEXPIRE', entry, life)
return { 'fresh', id }
