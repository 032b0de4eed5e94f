#!lua
-- set_preferences: keeps how an account wants its pages; one that is being deleted is not made anew.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] the preferences as text
-- returns 1 | 0 the account is gone
---@include keys mark
local key = user_key(KEYS[1], ARGV[1])
if redis.call("HEXISTS", key, "user_slug") == 0 then return 0 end
redis.call("HSET", key, "preferences", ARGV[2])
mark(KEYS[1], "user:" .. ARGV[1])
return 1
