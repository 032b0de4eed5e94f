#!lua
-- rewrap: puts an account's data key under another master key, if it is still the one that was read.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] data key as read  [3] data key to keep
-- returns 1 put | 0 it is another one by now
---@include keys mark
local key = user_key(KEYS[1], ARGV[1])
if redis.call("HGET", key, "data_key") ~= ARGV[2] then return 0 end
redis.call("HSET", key, "data_key", ARGV[3])
mark(KEYS[1], "user:" .. ARGV[1])
return 1
