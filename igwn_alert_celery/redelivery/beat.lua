-- SPDX-License-Identifier: BSD-3-Clause
-- A worker's heartbeat, by Redis's clock: those of the workers differ.
-- KEYS: workers, since when they wait for a message.
-- ARGV: which worker, for how many milliseconds it has been waiting (-1: it does not).
-- Returns the time in milliseconds, all workers and when they last beat, who waits and since when.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
local waiting = tonumber(ARGV[2])
if waiting < 0 then redis.call('HDEL', KEYS[2], ARGV[1])
else redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now - waiting)) end
return {now, redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'), redis.call('HGETALL', KEYS[2])}
