-- SPDX-License-Identifier: BSD-3-Clause
-- Writes a batch: all of it, what lies above the stored position, or nothing.
-- KEYS: ledger, position, dead letters, their order, their bytes, then the queues.
-- ARGV: ledger id, believed offset, epoch, next offset, most dead letters, most bytes,
--       number of operations, then per operation: kind, offset, index of its key or id, value.
-- Lua does not roll back: everything that can fail is checked before the first write.
local ledger = redis.call('GET', KEYS[1])
if ledger ~= ARGV[1] then return {'LEDGER', 0, 0} end
local stored = redis.call('HMGET', KEYS[2], 'next', 'epoch')
if not stored[1] then return {'UNKNOWN', 0, 0} end
local next_offset, epoch = tonumber(stored[1]), tonumber(stored[2])
if epoch ~= tonumber(ARGV[3]) then return {'EPOCH', next_offset, epoch} end
if next_offset < tonumber(ARGV[2]) then return {'BEHIND', next_offset, epoch} end
local kinds = {}
for i = 1, tonumber(ARGV[7]) do
  local at = 8 + (i - 1) * 4
  if ARGV[at] == 'lpush' then kinds[KEYS[tonumber(ARGV[at + 2])]] = true end
end
for key in pairs(kinds) do
  local kind = redis.call('TYPE', key)['ok']
  if kind ~= 'list' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE the queue ' .. key .. ' is a ' .. kind)
  end
end
local written, skipped, bytes, last = 0, 0, 0, -1
for i = 1, tonumber(ARGV[7]) do
  local at = 8 + (i - 1) * 4
  local kind, offset, where, value = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
  if offset < next_offset then
    if offset ~= last then skipped = skipped + 1 end
  else
    if offset ~= last then written = written + 1 end
    if kind == 'lpush' then redis.call('LPUSH', KEYS[tonumber(where)], value)
    elseif kind == 'publish' then redis.call('PUBLISH', KEYS[tonumber(where)], value)
    elseif kind == 'pexpire' then redis.call('PEXPIRE', KEYS[tonumber(where)], value)
    elseif kind == 'dead' then
      redis.call('HSET', KEYS[3], where, value)
      redis.call('RPUSH', KEYS[4], where)
      bytes = bytes + #value
    end
  end
  last = offset
end
local reply = {'WRITTEN', math.max(next_offset, tonumber(ARGV[4])), epoch, written, skipped}
if bytes > 0 then
  local total, count = redis.call('INCRBY', KEYS[5], bytes), redis.call('LLEN', KEYS[4])
  while count > 1 and (total > tonumber(ARGV[6]) or count > tonumber(ARGV[5])) do
    local id = redis.call('LPOP', KEYS[4])
    total = redis.call('DECRBY', KEYS[5], redis.call('HSTRLEN', KEYS[3], id))
    redis.call('HDEL', KEYS[3], id)
    count = count - 1
    reply[#reply + 1] = id
  end
end
if next_offset < tonumber(ARGV[4]) then redis.call('HSET', KEYS[2], 'next', ARGV[4]) end
return reply
