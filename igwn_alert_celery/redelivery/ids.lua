-- SPDX-License-Identifier: BSD-3-Clause
-- Which tasks are in a part of a queue, without their messages going over the wire.
-- KEYS: a queue. ARGV: first and last place in it. Returns how many it has there, then task ids.
local found = redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])
local ids = {#found}
for _, message in ipairs(found) do
  -- Celery gives every task its id as correlation id. In the body, where it is not in base64, a
  -- backslash stands before each quote, so that an alert's own words do not look like it.
  ids[#ids + 1] = string.match(message, '"correlation_id":%s*"([^"]*)"')
end
return ids
