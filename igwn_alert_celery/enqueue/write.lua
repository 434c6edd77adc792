-- SPDX-License-Identifier: BSD-3-Clause
-- Writes a batch: all of it, what lies at or above the stored position, or nothing.
-- KEYS: ledger, position, dead letters, their order, their bytes, outstanding tasks, then queues
--       and channels.
-- ARGV: ledger id, believed offset, epoch, next offset, most dead letters, most bytes,
--       operations as a JSON list of [kind, offset, index of its key or id], then for each of them:
--       value, id of the task that is outstanding from now on (or '').
-- Returns verdict, next offset, epoch, the next offset of before, then evicted dead letters.
-- Lua does not roll back: everything that can fail is checked before the first write.
local COMMANDS = {lpush = 'LPUSH', pexpire = 'PEXPIRE', publish = 'PUBLISH'}

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'LEDGER', 0, 0} end
local position = redis.call('HMGET', KEYS[2], 'next', 'epoch')
if not position[1] then return {'UNKNOWN', 0, 0} end
local stored, epoch = tonumber(position[1]), tonumber(position[2])
if epoch ~= tonumber(ARGV[3]) then return {'EPOCH', stored, epoch} end
if stored < tonumber(ARGV[2]) then return {'BEHIND', stored, epoch} end

-- redis.acl_check_cmd came with Redis 7; before, a user's rights show only in the attempt.
local function forbidden(...)
  return redis.acl_check_cmd and not redis.acl_check_cmd(...)
end

local function command_refused(kind, key)
  if not COMMANDS[kind] then return 'ERR unknown kind of command ' .. kind end
  if forbidden(COMMANDS[kind], key, '1') then
    return 'NOPERM the task broker user may not ' .. COMMANDS[kind] .. ' ' .. key
  end
  if kind == 'publish' then return nil end
  local found = redis.call('TYPE', key)['ok']
  if found ~= 'list' and found ~= 'none' then
    return 'WRONGTYPE the queue ' .. key .. ' is a ' .. found
  end
end

local function dead_letters_refused()
  local id = '-'
  for _, call in ipairs({
    {'HSET', KEYS[3], id, '-'}, {'HDEL', KEYS[3], id}, {'HSTRLEN', KEYS[3], id},
    {'RPUSH', KEYS[4], id}, {'LPOP', KEYS[4]}, {'LLEN', KEYS[4]},
    {'INCRBY', KEYS[5], 1}, {'DECRBY', KEYS[5], 1}, {'GET', KEYS[5]},
  }) do
    if forbidden(unpack(call)) then
      return 'NOPERM the task broker user may not ' .. call[1] .. ' ' .. call[2]
    end
  end
  return letters_refused(KEYS[3], KEYS[4], KEYS[5])
end

local function outstanding_refused()
  if forbidden('HSET', KEYS[6], '-', '-') then
    return 'NOPERM the task broker user may not HSET ' .. KEYS[6]
  end
  local found = redis.call('TYPE', KEYS[6])['ok']
  if found ~= 'hash' and found ~= 'none' then
    return 'WRONGTYPE ' .. KEYS[6] .. ' is a ' .. found .. ', not a hash'
  end
end

local operations = cjson.decode(ARGV[7])
local checked, letters, outstanding = {}, false, false
for number, operation in ipairs(operations) do
  local kind, where = operation[1], operation[3]
  outstanding = outstanding or ARGV[7 + 2 * number] ~= ''
  local name = kind .. ' ' .. where
  if kind == 'dead' then
    letters = true
  elseif not checked[name] then
    local refused = command_refused(kind, KEYS[where])
    if refused then return redis.error_reply(refused) end
    checked[name] = true
  end
end
local refused = letters and dead_letters_refused() or outstanding and outstanding_refused()
if refused then return redis.error_reply(refused) end

local next_offset = math.max(stored, tonumber(ARGV[4]))
if next_offset == stored then return {'WRITTEN', stored, epoch, stored} end
-- Redis refuses a script's first write only (out of memory, read-only, disk full): let that be
-- one that changes nothing, so that a PUBLISH, which is no write, never goes out without the rest.
redis.call('HSET', KEYS[2], 'next', position[1])
-- One command for many values, also in the append-only file and on replicas.
local pushed, noted = {}, {}
local function push()
  for key, values in pairs(pushed) do redis.call('LPUSH', key, unpack(values)) end
  -- With their messages: nobody else has them once a worker has popped them and died.
  if #noted > 0 then redis.call('HSET', KEYS[6], unpack(noted)) end
  pushed, noted = {}, {}
end

for number, operation in ipairs(operations) do
  local kind, offset, where = unpack(operation)
  local value, id = ARGV[6 + 2 * number], ARGV[7 + 2 * number]
  if offset < stored then  -- it is there already
  elseif kind == 'dead' then keep_letter(KEYS[3], KEYS[4], KEYS[5], where, value)
  elseif kind == 'lpush' then
    local values = pushed[KEYS[where]] or {}
    values[#values + 1], pushed[KEYS[where]] = value, values
    if id ~= '' then noted[#noted + 1], noted[#noted + 2] = id, value end
    -- Lua passes some thousand values at most.
    if #values == 1000 or #noted == 2000 then push() end
  else
    push()
    redis.call(COMMANDS[kind], KEYS[where], value)
  end
end
push()
local reply = {'WRITTEN', next_offset, epoch, stored}
if letters then
  local most, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
  for _, id in ipairs(bound_letters(KEYS[3], KEYS[4], KEYS[5], most, most_bytes)) do
    reply[#reply + 1] = id
  end
end
redis.call('HSET', KEYS[2], 'next', ARGV[4])
return reply
