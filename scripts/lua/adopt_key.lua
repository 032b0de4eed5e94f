#!lua
-- adopt_key: takes the one access key of an account of an older version among its keys; also that of an account which
-- has never known its key, if it leads there.
-- Frozen: only the migration to form 2 runs it.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] digest of the key  [3] what is kept of it
-- returns 1 | 0 it is not that account's one key any more
---@include keys mark
local prefix, user = KEYS[1], ARGV[1]
local key, of_user = user_key(prefix, user), access_keys_key(prefix, user)
local is = redis.call("HMGET", key, "user_slug", "access_key", "keys_known")
if is[2] then
  if is[2] ~= ARGV[2] then return 0 end
elseif not is[1] or is[3] or redis.call("EXISTS", of_user) == 1 then
  return 0
end
redis.call("HSET", of_user, ARGV[2], ARGV[3])
redis.call("HDEL", key, "access_key")
mark(prefix, "user:" .. user)
return 1
