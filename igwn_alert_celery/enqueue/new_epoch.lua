-- SPDX-License-Identifier: BSD-3-Clause
-- Put before the scripts that set a position.

-- By the clock: counted ones would come again after Redis came back older, and an owner of before
-- would be taken for the present one.
local function new_epoch(position)
  local now = redis.call('TIME')
  local before = tonumber(redis.call('HGET', position, 'epoch') or 0)
  return string.format('%.0f', math.max(before + 1, now[1] * 1000000 + now[2]))
end

