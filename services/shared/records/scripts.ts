/**
 * The Lua that changes records: each change is one script, so it happens whole or not at all. Scripts stand a
 * repetition, because a connection that broke sends its unanswered commands again. KEYS[1] is always the prefix.
 */
import type { Redis } from "ioredis";
import { jobTransitions } from "../../../schemas/job.ts";
import { keyPrefix } from "../redis-keys.ts";

/** What all scripts share. The table of transitions is the one of schemas/job.ts. */
const prelude = `
local P = KEYS[1]
local transitions = cjson.decode('${JSON.stringify(jobTransitions)}')
local function jobKey(id) return P .. 'job:' .. id end
local function terminal(status) return next(transitions[status]) == nil end
local function allowed(from, to)
  for _, each in ipairs(transitions[from]) do if each == to then return true end end
  return false
end
local function emit(id, kind, at, data)
  local sequence = redis.call('HINCRBY', jobKey(id), 'events', 1)
  redis.call('XADD', jobKey(id) .. ':events', sequence .. '-0', 'type', kind, 'at', at, 'data', data)
  return sequence
end
local function wake(id) redis.call('PUBLISH', P .. 'wake:' .. id, id) end
local function lastId(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  if #last == 0 then return 0 end
  return tonumber(string.match(last[1][1], '^(%d+)'))
end
local function set(key, fields)
  for i = 1, #fields, 2 do
    if fields[i + 1] == '' then redis.call('HDEL', key, fields[i]) else redis.call('HSET', key, fields[i], fields[i + 1]) end
  end
end
local function change(id, from, to, at, reason, milliseconds)
  local key = jobKey(id)
  redis.call('HSET', key, 'status', to)
  redis.call('ZREM', P .. 'jobs:status:' .. from, id)
  redis.call('ZADD', P .. 'jobs:status:' .. to, 0, id)
  local data = { status = to, terminal = terminal(to), reason = reason ~= '' and reason or cjson.null }
  local sequence = emit(id, 'status', at, cjson.encode(data))
  if terminal(to) then
    redis.call('HSET', key, 'finishedAt', cjson.encode(at))
    redis.call('ZADD', P .. 'archive', milliseconds, id)
    local dataset = redis.call('HGET', key, 'datasetId')
    if dataset then redis.call('SREM', P .. 'dataset:' .. dataset .. ':users', id) end
    local model = redis.call('HGET', key, 'initialModelId')
    if model then redis.call('SREM', P .. 'model:' .. model .. ':users', id) end
  end
  if redis.call('HEXISTS', key, 'webhook') == 1 then redis.call('ZADD', P .. 'outbox', milliseconds, 'webhooks:' .. id .. ':' .. sequence) end
  if to == 'pausing' or to == 'cancelling' then redis.call('PUBLISH', P .. 'control', id) end
  return sequence
end
local function deliver(id, milliseconds)
  local run = redis.call('HINCRBY', jobKey(id), 'run', 1)
  redis.call('ZADD', P .. 'outbox', milliseconds, 'training:' .. id .. ':' .. run)
end
local function closeAttempt(id, number, at, reason, seconds)
  local key = jobKey(id)
  if number == 0 or redis.call('HEXISTS', key, 'attempt:' .. number .. ':end') == 1 then return end
  redis.call('HSET', key, 'attempt:' .. number .. ':end', cjson.encode({ at = at, reason = reason }))
  local opened = cjson.decode(redis.call('HGET', key, 'attempt:' .. number))
  emit(id, 'attempt', at, cjson.encode({ worker = opened.worker, startedAt = opened.startedAt, endedAt = at, reason = reason, fromCheckpoint = opened.fromCheckpoint }))
end
`;

const scripts = {
  /**
   * ARGV: id, at, ms, users of (dataset id, initial model id or ''), then fields. Answers created | exists | no-dataset
   * | no-model.
   */
  createJobRecord: `
local id, at, ms, dataset, model = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = jobKey(id)
if redis.call('EXISTS', key) == 1 then return 'exists' end
if redis.call('HGET', P .. 'dataset:' .. dataset, 'status') ~= '"ready"' then return 'no-dataset' end
if model ~= '' and redis.call('EXISTS', P .. 'model:' .. model) == 0 then return 'no-model' end
set(key, { unpack(ARGV, 6) })
redis.call('HSET', key, 'status', 'queued', 'run', 0, 'attempt', 0, 'crashes', 0, 'events', 0, 'datasetId', dataset)
redis.call('SADD', P .. 'dataset:' .. dataset .. ':users', id)
if model ~= '' then
  redis.call('HSET', key, 'initialModelId', model)
  redis.call('SADD', P .. 'model:' .. model .. ':users', id)
end
redis.call('ZADD', P .. 'jobs', 0, id)
redis.call('ZADD', P .. 'jobs:dataset:' .. dataset, 0, id)
redis.call('ZADD', P .. 'jobs:status:queued', 0, id)
emit(id, 'status', at, cjson.encode({ status = 'queued', terminal = false, reason = cjson.null }))
deliver(id, ms)
return 'created'`,

  /**
   * ARGV: id, targets (JSON: from → to), at, ms, reason, attempt ('' = unfenced), end of the attempt ('' = stays open),
   * then fields. Answers {changed | already | missing | fenced | forbidden, status}.
   */
  moveJob: `
local id, targets, at, ms, reason, fence, ending = ARGV[1], cjson.decode(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local key = jobKey(id)
local from = redis.call('HGET', key, 'status')
if not from then return { 'missing', '' } end
local attempt = tonumber(redis.call('HGET', key, 'attempt'))
if fence ~= '' and attempt ~= tonumber(fence) then return { 'fenced', from } end
local to = targets[from] or targets['*']
if not to then return { 'forbidden', from } end
if to == from then return { 'already', from } end
if not allowed(from, to) then return { 'forbidden', from } end
set(key, { unpack(ARGV, 8) })
if ending ~= '' then closeAttempt(id, attempt, at, ending) end
change(id, from, to, at, reason, ms)
if from == 'paused' and to == 'queued' then deliver(id, ms) end
wake(id)
return { 'changed', to }`,

  /**
   * ARGV: id, attempt, at, ms, reason, model id, count of job fields, job fields, model fields. The end of a job that
   * made a model: both or neither. Answers {changed | already | missing | fenced | forbidden, status}.
   */
  succeedJob: `
local id, fence, at, ms, reason, model, count = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local key = jobKey(id)
local from = redis.call('HGET', key, 'status')
if not from then return { 'missing', '' } end
local attempt = tonumber(redis.call('HGET', key, 'attempt'))
if attempt ~= fence then return { 'fenced', from } end
if from == 'succeeded' then return { 'already', from } end
if from == 'cancelling' or not allowed(from, 'succeeded') then return { 'forbidden', from } end
set(key, { unpack(ARGV, 8, 7 + count) })
redis.call('HSET', key, 'model', cjson.encode(model), 'crashes', 0)
set(P .. 'model:' .. model, { unpack(ARGV, 8 + count) })
redis.call('ZADD', P .. 'models', 0, model)
redis.call('SADD', P .. 'dataset:' .. redis.call('HGET', key, 'datasetId') .. ':users', model)
closeAttempt(id, attempt, at, 'finished')
emit(id, 'model', at, cjson.encode({ model = model }))
change(id, from, 'succeeded', at, reason, ms)
wake(id)
return { 'changed', 'succeeded' }`,

  /**
   * ARGV: id, token, at, ms, attempt as JSON, crash budget, run of Redis. Answers {started, number, crashes} | {spent,
   * number, crashes} | {refused, status}.
   */
  beginAttempt: `
local id, token, at, ms, opened, budget, redisRun = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]
local key = jobKey(id)
local status = redis.call('HGET', key, 'status')
if not status then return { 'refused', 'missing' } end
local number = tonumber(redis.call('HGET', key, 'attempt'))
local crashes = tonumber(redis.call('HGET', key, 'crashes'))
if redis.call('HGET', key, 'token') == token then return { 'started', number, crashes } end
if number > 0 and redis.call('HEXISTS', key, 'attempt:' .. number .. ':end') == 0 then
  closeAttempt(id, number, at, 'lost')
  -- An attempt that Redis itself left behind says nothing against the job.
  if redis.call('HGET', key, 'redisRun') == redisRun then crashes = redis.call('HINCRBY', key, 'crashes', 1) end
end
if status ~= 'queued' and status ~= 'running' then wake(id) return { 'refused', status } end
number = number + 1
redis.call('HSET', key, 'attempt', number, 'token', token, 'redisRun', redisRun, 'batch', 0, 'attempt:' .. number, opened)
if redis.call('HEXISTS', key, 'startedAt') == 0 then redis.call('HSET', key, 'startedAt', cjson.encode(at)) end
if status == 'queued' then change(id, 'queued', 'running', at, '', ms) end
emit(id, 'attempt', at, opened)
wake(id)
if crashes >= budget then return { 'spent', number, crashes } end
return { 'started', number, crashes }`,

  /**
   * ARGV: id, attempt, at, reason, whether it counts as a crash (1 or 0). Closes the attempt; the status stays. Answers
   * ok | fenced.
   */
  endAttempt: `
local id, fence, at, reason, crash = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local key = jobKey(id)
if tonumber(redis.call('HGET', key, 'attempt') or '-1') ~= fence then return 'fenced' end
if redis.call('HEXISTS', key, 'attempt:' .. fence .. ':end') == 1 then return 'ok' end
closeAttempt(id, fence, at, reason)
if crash == '1' then redis.call('HINCRBY', key, 'crashes', 1) end
wake(id)
return 'ok'`,

  /** ARGV: id, attempt, at, data. A warning in the job's sequence. */
  warnJob: `
local id, fence, at, data = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
if tonumber(redis.call('HGET', jobKey(id), 'attempt') or '-1') ~= fence then return 'fenced' end
emit(id, 'warning', at, data)
wake(id)
return 'ok'`,

  /**
   * ARGV: id, attempt, batch number, progress JSON or '', then fives (E type at data '' | R series step row at).
   * Answers {ok | fenced | missing, status}.
   */
  publishProgress: `
local id, fence, batch, progress = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local key = jobKey(id)
local status = redis.call('HGET', key, 'status')
if not status then return { 'missing', '' } end
if tonumber(redis.call('HGET', key, 'attempt')) ~= fence then return { 'fenced', status } end
if tonumber(redis.call('HGET', key, 'batch') or '0') >= batch then return { 'ok', status } end
redis.call('HSET', key, 'batch', batch)
if progress ~= '' then redis.call('HSET', key, 'progress', progress) end
local last = {}
for i = 5, #ARGV, 5 do
  if ARGV[i] == 'E' then
    emit(id, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  else
    local series, step = ARGV[i + 1], tonumber(ARGV[i + 2])
    local stream = key .. ':metrics:' .. series
    if not last[series] then last[series] = lastId(stream) end
    if step > last[series] then
      redis.call('XADD', stream, ARGV[i + 2] .. '-0', 'row', ARGV[i + 3])
      last[series] = step
      if series == 'epoch' then emit(id, 'epoch', ARGV[i + 4], ARGV[i + 3]) end
    end
  end
end
wake(id)
return { 'ok', status }`,

  /** ARGV: id, attempt, step, stored record JSON, at, event JSON or ''. Answers ok | fenced | exists. */
  recordCheckpoint: `
local id, fence, step, record, at, event = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local key = jobKey(id)
if tonumber(redis.call('HGET', key, 'attempt') or '-1') ~= fence then return 'fenced' end
local before = redis.call('HGET', key .. ':checkpoints', step)
if before == record then return 'ok' end
if before and event == '' then return 'exists' end
redis.call('HSET', key .. ':checkpoints', step, record)
redis.call('HSET', key, 'crashes', 0)
if event ~= '' and not (before and cjson.decode(before).listed) then emit(id, 'checkpoint', at, event) end
wake(id)
return 'ok'`,

  /**
   * ARGV: id, attempt, now in ms, then steps. Removes those that nobody pins. Answers {fenced} or {ok, step …} of the
   * removed.
   */
  dropCheckpoints: `
local id, fence, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local key = jobKey(id)
if tonumber(redis.call('HGET', key, 'attempt') or '-1') ~= fence then return { 'fenced' } end
local dropped = { 'ok' }
for i = 4, #ARGV do
  local pin = redis.call('ZSCORE', key .. ':pins', ARGV[i])
  if not pin or tonumber(pin) < now then
    redis.call('HDEL', key .. ':checkpoints', ARGV[i])
    redis.call('ZREM', key .. ':pins', ARGV[i])
    dropped[#dropped + 1] = ARGV[i]
  end
end
return dropped`,

  /** ARGV: id, step, until in ms. Answers 1, or 0 where there is no such checkpoint. */
  pinCheckpoint: `
local id, step, till = ARGV[1], ARGV[2], tonumber(ARGV[3])
local key = jobKey(id)
if redis.call('HEXISTS', key .. ':checkpoints', step) == 0 then return 0 end
local pin = redis.call('ZSCORE', key .. ':pins', step)
if not pin or tonumber(pin) < till then redis.call('ZADD', key .. ':pins', till, step) end
return 1`,

  /** ARGV: id. Deletes a job that ended. Answers deleted | missing | its status. */
  deleteJob: `
local id = ARGV[1]
local key = jobKey(id)
local status = redis.call('HGET', key, 'status')
if not status then return 'missing' end
if not terminal(status) then return status end
local dataset = redis.call('HGET', key, 'datasetId')
redis.call('ZREM', P .. 'jobs', id)
redis.call('ZREM', P .. 'jobs:status:' .. status, id)
if dataset then redis.call('ZREM', P .. 'jobs:dataset:' .. dataset, id) end
redis.call('ZREM', P .. 'archive', id)
redis.call('DEL', key, key .. ':events', key .. ':metrics:step', key .. ':metrics:epoch', key .. ':checkpoints', key .. ':pins')
wake(id)
return 'deleted'`,

  /**
   * ARGV: kind, id, alias or '', user of (dataset id or ''), ms, queue member or '', then fields. Answers created |
   * exists | alias-taken.
   */
  createResource: `
local kind, id, alias, needs, ms, delivery = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local key = P .. kind .. ':' .. id
if redis.call('EXISTS', key) == 1 then return 'exists' end
if alias ~= '' then
  local owner = redis.call('HGET', P .. kind .. 's:aliases', alias)
  if owner and owner ~= id then return 'alias-taken' end
  redis.call('HSET', P .. kind .. 's:aliases', alias, id)
end
set(key, { unpack(ARGV, 7) })
redis.call('ZADD', P .. kind .. 's', 0, id)
if needs ~= '' then redis.call('SADD', P .. 'dataset:' .. needs .. ':users', id) end
if delivery ~= '' then redis.call('ZADD', P .. 'outbox', ms, delivery) end
return 'created'`,

  /**
   * ARGV: kind, id, alias change (keep | clear | =alias), expected status JSON or '', then fields. Answers ok | missing
   * | alias-taken | status.
   */
  patchResource: `
local kind, id, alias, expected = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key = P .. kind .. ':' .. id
if redis.call('EXISTS', key) == 0 then return 'missing' end
if expected ~= '' and redis.call('HGET', key, 'status') ~= expected then return 'status' end
if alias ~= 'keep' then
  local aliases = P .. kind .. 's:aliases'
  local wanted = string.sub(alias, 1, 1) == '=' and string.sub(alias, 2) or nil
  if wanted then
    local owner = redis.call('HGET', aliases, wanted)
    if owner and owner ~= id then return 'alias-taken' end
  end
  local before = redis.call('HGET', key, 'alias')
  if before and before ~= 'null' then redis.call('HDEL', aliases, cjson.decode('[' .. before .. ']')[1]) end
  if wanted then redis.call('HSET', aliases, wanted, id) end
end
set(key, { unpack(ARGV, 5) })
return 'ok'`,

  /** ARGV: kind, id. Deletes what nobody needs. Answers {deleted} | {missing} | {in-use, user …}. */
  deleteResource: `
local kind, id = ARGV[1], ARGV[2]
local key = P .. kind .. ':' .. id
if redis.call('EXISTS', key) == 0 then return { 'missing' } end
local users = redis.call('SMEMBERS', key .. ':users')
if #users > 0 then
  -- Not by unpack: Lua's stack ends at some 8000, and a dataset may have more jobs.
  table.insert(users, 1, 'in-use')
  return users
end
local alias = redis.call('HGET', key, 'alias')
if alias and alias ~= 'null' then redis.call('HDEL', P .. kind .. 's:aliases', cjson.decode('[' .. alias .. ']')[1]) end
local dataset = redis.call('HGET', key, 'dataset')
if dataset and dataset ~= 'null' then redis.call('SREM', P .. 'dataset:' .. cjson.decode(dataset).id .. ':users', id) end
redis.call('ZREM', P .. kind .. 's', id)
redis.call('DEL', key, key .. ':users')
return { 'deleted' }`,

  /**
   * KEYS[2]: the entry. ARGV: fingerprint, id for what will be made, lease ms, life ms, now ms. Answers {fresh, id} |
   * {in-flight} | {mismatch} | {answered, answer}.
   */
  claimIdempotency: `
local key, fingerprint, id, lease, life, now = KEYS[2], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local before = redis.call('HGET', key, 'fingerprint')
if before then
  if before ~= fingerprint then return { 'mismatch' } end
  local answer = redis.call('HGET', key, 'answer')
  if answer then return { 'answered', answer } end
  if now < tonumber(redis.call('HGET', key, 'until')) then return { 'in-flight' } end
  id = redis.call('HGET', key, 'id')
end
redis.call('HSET', key, 'fingerprint', fingerprint, 'id', id, 'until', now + lease)
redis.call('PEXPIRE', key, life)
return { 'fresh', id }`,
} as const;

type ScriptName = keyof typeof scripts;

/** Runs a script of ours: loaded once a connection, by its digest. */
export function runScript(
  redis: Redis,
  name: ScriptName,
  args: readonly (string | number)[],
  moreKeys: readonly string[] = [],
): Promise<unknown> {
  const commands = redis as Redis & Record<string, ((...values: (string | number)[]) => Promise<unknown>) | undefined>;
  if (commands[name] === undefined) redis.defineCommand(name, { lua: prelude + scripts[name] });
  const command = commands[name];
  if (command === undefined) throw new Error(`the script ${name} could not be defined`);
  return command.call(redis, 1 + moreKeys.length, keyPrefix, ...moreKeys, ...args);
}
