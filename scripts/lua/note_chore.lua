#!lua
-- note_chore: writes down what an open chore is about to do, and renews its lease. After a lost connection an entry may
-- stand there twice, which undoes it twice.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] kind  [3] token of whoever does it  [4] when its lease ends, ms  [5...] entries
-- returns 1 | 0 somebody else has taken it over
---@include keys mark
local prefix, user = KEYS[1], ARGV[1]
local key = user_chore_key(prefix, user)
if redis.call("LINDEX", key, 0) ~= ARGV[3] then return 0 end
if #ARGV > 4 then redis.call("RPUSH", key, unpack(ARGV, 5)) end
redis.call("ZADD", chores_key(prefix), ARGV[4], user .. ":" .. ARGV[2])
mark(prefix, "user:" .. user)
return 1
