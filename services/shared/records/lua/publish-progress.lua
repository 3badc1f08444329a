-- What happened in an attempt since its last publication. A batch that was published already changes nothing.
-- keys       job, events, the metrics of each series
-- arguments  id, attempt, batch number, progress as JSON or '', then five for each item:
--            E type at data ''  (an event)  |  R series step row at  (a row of a curve)
-- answers    {ok | fenced | missing, status, 1 where its sweep wants it to conclude}
-- events     those of the items; epoch for each new row of the series epoch
local id, fence, batch, progress = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local key = keys.job(id)
local status = redis.call('HGET', key, 'status')
if not status then return { 'missing', '', '' } end
if tonumber(redis.call('HGET', key, 'attempt')) ~= fence then return { 'fenced', status, '' } end
local concludes = redis.call('HGET', key, 'concludes') or ''
if tonumber(redis.call('HGET', key, 'batch') or '0') >= batch then return { 'ok', status, concludes } end
redis.call('HSET', key, 'batch', batch)
if progress ~= '' then redis.call('HSET', key, 'progress', progress) end
local last = {}
for i = 5, #ARGV, 5 do
  if ARGV[i] == 'E' then
    emit(id, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  else
    local series, step = ARGV[i + 1], tonumber(ARGV[i + 2])
    local stream = keys.jobMetrics(id, series)
    if not last[series] then last[series] = lastId(stream) end
    if step > last[series] then
      redis.call('XADD', stream, ARGV[i + 2] .. '-0', 'row', ARGV[i + 3])
      last[series] = step
      if series == 'epoch' then emit(id, 'epoch', ARGV[i + 4], ARGV[i + 3]) end
    end
  end
end
wake(id)
return { 'ok', status, concludes }
