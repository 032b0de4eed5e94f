#!lua
-- adopt_key: takes the one access key of an account of an older version among its keys.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] digest of the key  [3] what is kept of it
-- returns 1 | 0 it is not that account's one key any more
---@include keys mark
local prefix, user = KEYS[1], ARGV[1]
local key = user_key(prefix, user)
if redis.call("HGET", key, "access_key") ~= ARGV[2] then return 0 end
redis.call("HSET", access_keys_key(prefix, user), ARGV[2], ARGV[3])
redis.call("HDEL", key, "access_key")
mark(prefix, "user:" .. user)
return 1
