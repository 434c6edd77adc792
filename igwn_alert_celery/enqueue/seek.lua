-- SPDX-License-Identifier: BSD-3-Clause
-- KEYS: position. ARGV: next offset, topic, believed offset and epoch (empty: whatever it is).
-- Returns what is stored afterwards.
local stored = redis.call('HMGET', KEYS[1], 'next', 'epoch')
if ARGV[3] == '' or not stored[1] or (stored[1] == ARGV[3] and stored[2] == ARGV[4]) then
  redis.call('HSET', KEYS[1], 'next', ARGV[1], 'epoch', new_epoch(KEYS[1]), 'topic', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'next', 'epoch')
