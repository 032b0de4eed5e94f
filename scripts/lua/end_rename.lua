#!lua
-- end_rename: lets the next change of an account's slugs begin.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] token of the change
-- returns 1 | 0 the change was not this caller's any more
---@include keys mark
local key = user_key(KEYS[1], ARGV[1])
if string.match(redis.call("HGET", key, "renaming") or "", "^%w+") ~= ARGV[2] then return 0 end
redis.call("HDEL", key, "renaming")
mark(KEYS[1], "user:" .. ARGV[1])
return 1
