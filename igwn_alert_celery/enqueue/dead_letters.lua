-- SPDX-License-Identifier: BSD-3-Clause
-- Dead letters: a hash id -> JSON, a list of ids (oldest first), and their size in bytes.
-- Put before the scripts that keep one.

-- Why they cannot be written, or nil. For before the first write.
local function letters_refused(hash, order, bytes)
  for key, wanted in pairs({[hash] = 'hash', [order] = 'list', [bytes] = 'string'}) do
    local kind = redis.call('TYPE', key)['ok']
    if kind ~= wanted and kind ~= 'none' then
      return 'WRONGTYPE ' .. key .. ' is a ' .. kind .. ', not a ' .. wanted
    end
  end
  local size = redis.call('GET', bytes)
  if size and not string.find(size, '^%-?%d+$') then return 'ERR ' .. bytes .. ' is no number' end
end

local function keep_letter(hash, order, bytes, id, text)
  local before = redis.call('HSTRLEN', hash, id)
  if redis.call('HSET', hash, id, text) == 1 then redis.call('RPUSH', order, id) end
  redis.call('INCRBY', bytes, #text - before)
end

-- Pushes out the oldest until the bounds hold; the newest stays, however large. Returns the ids.
local function bound_letters(hash, order, bytes, most, most_bytes)
  local evicted = {}
  local count, size = redis.call('LLEN', order), tonumber(redis.call('GET', bytes) or 0)
  while count > 1 and (count > most or size > most_bytes) do
    local id = redis.call('LPOP', order)
    size = redis.call('DECRBY', bytes, redis.call('HSTRLEN', hash, id))
    redis.call('HDEL', hash, id)
    count = count - 1
    evicted[#evicted + 1] = id
  end
  return evicted
end

