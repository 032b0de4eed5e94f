#!lua
-- begin_times: lets begin now what an older version has not written down: the last use of an account, and the last edit
-- of checks that have been edited.
-- Frozen: only the migration to form 2 runs it.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] now ms  [3...] check ids
-- returns how many that were
---@include keys mark
local prefix, user, now = KEYS[1], ARGV[1], ARGV[2]
local begun, is = 0, redis.call("HMGET", user_key(prefix, user), "user_slug", "seen_at")
if is[1] and not is[2] then
  redis.call("HSET", user_key(prefix, user), "seen_at", now)
  mark(prefix, "user:" .. user)
  begun = 1
end
for _, id in ipairs({unpack(ARGV, 3)}) do
  local check = redis.call("HMGET", check_key(prefix, id), "user_id", "revision", "edited_at")
  if check[1] == user and check[2] ~= "1" and not check[3] then
    redis.call("HSET", check_key(prefix, id), "edited_at", now)
    mark(prefix, "check:" .. id)
    begun = begun + 1
  end
end
return begun
