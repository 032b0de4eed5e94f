#!lua
-- close_account: makes an account nobody's in one step: its key, its pings, the clock, messages and links all ask for
-- its `user_slug` first, and no secret can be read without its data key. What is left is a chore; a change that was under
-- way is taken over by it.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] now ms  [3] token of whoever does the chore  [4] when its lease ends, ms
-- ARGV[5] to close it only if nobody was there: since when, ms
-- returns 1 closed by this call, and the chore is the caller's | 0 it was closed before, is not there, or stays
---@include keys mark changed idle
local prefix, user, token = KEYS[1], ARGV[1], ARGV[3]
local key, chore, chores = user_key(prefix, user), user_chore_key(prefix, user), chores_key(prefix)
local is = redis.call("HMGET", key, "user_slug", "public_slug", "closed_at")
if not is[1] then return is[3] and redis.call("LINDEX", chore, 0) == token and 1 or 0 end
if ARGV[5] and not is_deserted(prefix, user, ARGV[5], "0") then return 0 end
redis.call("HSET", key, "closed_at", ARGV[2], "closed_user_slug", is[1], "closed_public_slug", is[2])
redis.call("HDEL", key, "user_slug", "public_slug", "data_key")
changed(prefix, user, "s", "0")
redis.call("UNLINK", chore)
redis.call("RPUSH", chore, token)
redis.call("ZREM", chores, user .. ":change")
redis.call("ZADD", chores, ARGV[4], user .. ":delete")
return 1
