-- SPDX-License-Identifier: BSD-3-Clause
-- Puts a lost task back where it was, as the next one, unless another worker has just done so.
-- KEYS: outstanding tasks, attempts, its queues. ARGV: task id, attempts so far, message.
-- Returns whether it was put back.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
if (redis.call('HGET', KEYS[2], ARGV[1]) or '0') ~= ARGV[2] then return 0 end
redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
for at = 3, #KEYS do redis.call('RPUSH', KEYS[at], ARGV[3]) end
return 1
