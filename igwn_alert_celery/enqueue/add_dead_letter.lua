-- SPDX-License-Identifier: BSD-3-Clause
-- KEYS: dead letters, their order, their bytes. ARGV: most of them, most bytes, id, JSON.
local refused = letters_refused(KEYS[1], KEYS[2], KEYS[3])
if refused then return redis.error_reply(refused) end
keep_letter(KEYS[1], KEYS[2], KEYS[3], ARGV[3], ARGV[4])
return bound_letters(KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
