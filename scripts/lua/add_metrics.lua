#!lua
-- add_metrics: adds what a process has counted and timed to the sums of all; a batch that was added changes nothing.
-- KEYS[1] the sums, such as "ttr:metrics:{all}"
-- ARGV[1] process  [2] number of the batch, one more each time  [3] seconds for which a process's number is known
-- ARGV[4] slot of time  [5] seconds for which its sums are kept  [6] how many of what follows go into the sums
-- ARGV[7...] field, number ... for the sums, then field, number ... for the slot
-- returns 1 added | 0 it had been
---@include keys
local sums_key, number = KEYS[1], tonumber(ARGV[2])
local known_key, slot_key = metrics_known_key(sums_key, ARGV[1]), metrics_window_key(sums_key, ARGV[4])
local of_sums = tonumber(ARGV[6])

if number <= tonumber(redis.call("GET", known_key) or "0") then return 0 end
redis.call("SET", known_key, ARGV[2], "EX", ARGV[3])
for place = 7, 6 + of_sums, 2 do redis.call("HINCRBY", sums_key, ARGV[place], ARGV[place + 1]) end
for place = 7 + of_sums, #ARGV, 2 do redis.call("HINCRBY", slot_key, ARGV[place], ARGV[place + 1]) end
redis.call("EXPIRE", slot_key, ARGV[5])
return 1
