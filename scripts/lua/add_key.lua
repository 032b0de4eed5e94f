#!lua
-- add_key: gives an account one more access key.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] digest of the key  [3] what is kept of it  [4] how many an account may have
-- returns 1 it is the account's key | 0 the account is gone | -1 it has as many as it may
---@include keys mark changed
local prefix, user = KEYS[1], ARGV[1]
local of_user = access_keys_key(prefix, user)
if redis.call("HEXISTS", user_key(prefix, user), "user_slug") == 0 then return 0 end
if redis.call("HEXISTS", of_user, ARGV[2]) == 1 then return 1 end
if redis.call("HLEN", of_user) >= tonumber(ARGV[4]) then return -1 end
redis.call("HSET", of_user, ARGV[2], ARGV[3])
changed(prefix, user, "a", "0")
return 1
