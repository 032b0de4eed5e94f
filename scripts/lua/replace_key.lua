#!lua
-- replace_key: gives an account another access key in place of one, if that is still its key. Of two who ask at once,
-- one gets a key that works.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] digest of the key so far  [3] digest of the new one  [4] what is kept of the new one
-- ARGV[5] what was kept of the one before, from which the new one has its name and bounds
-- returns 1 it is the account's key | 0 the one before is its key no more, or the account is gone | -1 something else is
-- kept of the one before
---@include keys mark changed
local prefix, user = KEYS[1], ARGV[1]
local of_user = access_keys_key(prefix, user)
if redis.call("HEXISTS", user_key(prefix, user), "user_slug") == 0 then return 0 end
if redis.call("HEXISTS", of_user, ARGV[3]) == 1 then return 1 end
local is = redis.call("HGET", of_user, ARGV[2])
if not is then return 0 end
if is ~= ARGV[5] then return -1 end
redis.call("HDEL", of_user, ARGV[2])
redis.call("HDEL", key_uses_key(prefix, user), ARGV[2])
redis.call("HSET", of_user, ARGV[3], ARGV[4])
changed(prefix, user, "as", "0")
return 1
