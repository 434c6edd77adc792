-- SPDX-License-Identifier: BSD-3-Clause
-- KEYS: position. ARGV: next offset, topic. Returns what is stored.
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'next', ARGV[1], 'epoch', new_epoch(KEYS[1]), 'topic', ARGV[2])
end
return redis.call('HMGET', KEYS[1], 'next', 'epoch')
