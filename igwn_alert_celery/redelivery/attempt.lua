-- SPDX-License-Identifier: BSD-3-Clause
-- Counts that a task was running when its worker died, once whoever asks.
-- KEYS: the ids that were running, attempts. ARGV: task id. Returns how often by now.
if redis.call('SREM', KEYS[1], ARGV[1]) == 1 then
  return redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
end
return tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
