#!lua
-- rename_account: gives an account the slugs that its change has claimed. Pings may go on under the user slug before.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] token of the change  [3] user slug, or "" to keep it  [4] public slug, or "" to keep it
-- ARGV[5] now ms  [6] ms until which the former slug works  [7] most former slugs
-- returns 1 | 0 the change is not this caller's any more, or the account is gone | -1 it has too many former slugs
---@include keys mark changed
local prefix, user, slug = KEYS[1], ARGV[1], ARGV[3]
local key, former = user_key(prefix, user), former_slugs_key(prefix, user)
local is = redis.call("HMGET", key, "user_slug", "renaming")
if not is[1] or not is[2] or string.match(is[2], "^%w+") ~= ARGV[2] then return 0 end
if slug ~= "" and slug ~= is[1] then
  redis.call("ZREMRANGEBYSCORE", former, "-inf", ARGV[5])
  local others = redis.call("ZCARD", former)
  if redis.call("ZSCORE", former, slug) then others = others - 1 end
  if others >= tonumber(ARGV[7]) then return -1 end
  redis.call("ZREM", former, slug)
  redis.call("ZADD", former, ARGV[6], is[1])
  redis.call("HSET", key, "user_slug", slug)
end
if ARGV[4] ~= "" then redis.call("HSET", key, "public_slug", ARGV[4]) end
changed(prefix, user, "wa", "0")
return 1
