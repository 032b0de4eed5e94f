#!lua
-- take_chore: gives an open chore to another token: from now on nothing happens under the one before.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] kind  [3] token of who takes it  [4] when its lease ends, ms  [5] now ms
-- ARGV[6] the token before, or "" to take it only from somebody whose lease has ended
-- returns 1 | 0 it is somebody else's, or done
---@include keys mark
local prefix, user, token = KEYS[1], ARGV[1], ARGV[3]
local key, chores, name = user_chore_key(prefix, user), chores_key(prefix), user .. ":" .. ARGV[2]
local owner = redis.call("LINDEX", key, 0)
local ends = redis.call("ZSCORE", chores, name)
if not owner or not ends then return 0 end
if owner ~= token then
  if ARGV[6] ~= "" and owner ~= ARGV[6] then return 0 end
  if ARGV[6] == "" and tonumber(ends) > tonumber(ARGV[5]) then return 0 end
  redis.call("LSET", key, 0, token)
end
redis.call("ZADD", chores, ARGV[4], name)
mark(prefix, "user:" .. user)
return 1
