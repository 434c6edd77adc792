-- SPDX-License-Identifier: BSD-3-Clause
-- KEYS: dead letters, their order, their bytes. ARGV: id. Returns whether it was there.
local refused = letters_refused(KEYS[1], KEYS[2], KEYS[3])
if refused then return redis.error_reply(refused) end
local size = redis.call('HSTRLEN', KEYS[1], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('LREM', KEYS[2], 1, ARGV[1])
redis.call('DECRBY', KEYS[3], size)
return 1
