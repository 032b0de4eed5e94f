#!lua
-- note_seen: remembers for good that somebody was in an account, once a day: what else tells of it may be lost.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] now ms
-- returns 1 written | 0 it was, or there is no such account
---@include keys mark
local EVERY = 86400000
local prefix, user = KEYS[1], ARGV[1]
local is = redis.call("HMGET", user_key(prefix, user), "user_slug", "seen_at")
if not is[1] or (is[2] and tonumber(ARGV[2]) < tonumber(is[2]) + EVERY) then return 0 end
redis.call("HSET", user_key(prefix, user), "seen_at", ARGV[2])
mark(prefix, "user:" .. user)
return 1
