#!lua
-- begin_chore: opens the account's chore, unless one is open. Its journal is a list: whose it is, then what was done.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] kind  [3] token of whoever does it  [4] when its lease ends, ms
-- returns 1 | 0 another one is open, or the account is gone
---@include keys mark
local prefix, user, token = KEYS[1], ARGV[1], ARGV[3]
local key = user_chore_key(prefix, user)
if redis.call("HEXISTS", user_key(prefix, user), "user_slug") == 0 then return 0 end
local owner = redis.call("LINDEX", key, 0)
if owner and owner ~= token then return 0 end
if not owner then redis.call("RPUSH", key, token) end
redis.call("ZADD", chores_key(prefix), ARGV[4], user .. ":" .. ARGV[2])
mark(prefix, "user:" .. user)
return 1
