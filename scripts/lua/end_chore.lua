#!lua
-- end_chore: forgets a chore that is done.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] kind  [3] token of whoever did it
-- returns 1 | 0 somebody else has taken it over, or it was ended before
---@include keys mark
local prefix, user = KEYS[1], ARGV[1]
local key = user_chore_key(prefix, user)
if redis.call("LINDEX", key, 0) ~= ARGV[3] then return 0 end
redis.call("UNLINK", key)
redis.call("ZREM", chores_key(prefix), user .. ":" .. ARGV[2])
mark(prefix, "user:" .. user)
return 1
