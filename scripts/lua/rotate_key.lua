#!lua
-- rotate_key: gives an account another access key, if it is still the one that the caller came with. Of two who ask at
-- once, one gets a key that works.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] digest of the key so far  [3] digest of the new one
-- returns 1 it is the account's key | 0 another one is, or the account is gone
---@include keys mark changed
local key = user_key(KEYS[1], ARGV[1])
local is = redis.call("HMGET", key, "user_slug", "access_key")
if not is[1] then return 0 end
if is[2] == ARGV[3] then return 1 end
if is[2] ~= ARGV[2] then return 0 end
redis.call("HSET", key, "access_key", ARGV[3])
changed(KEYS[1], ARGV[1], "as", "0")
return 1
