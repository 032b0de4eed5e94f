#!lua
-- change_key: changes what is kept of an access key, if nobody else has meanwhile.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] digest of the key  [3] what was kept of it  [4] what is to be
-- returns 1 changed | 0 something else is kept of it, or it is no key of the account
---@include keys mark changed
local prefix, user = KEYS[1], ARGV[1]
local of_user = access_keys_key(prefix, user)
local is = redis.call("HGET", of_user, ARGV[2])
if is == ARGV[4] then return 1 end
if is ~= ARGV[3] or redis.call("HEXISTS", user_key(prefix, user), "user_slug") == 0 then return 0 end
redis.call("HSET", of_user, ARGV[2], ARGV[4])
changed(prefix, user, "as", "0")
return 1
