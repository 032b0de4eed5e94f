#!lua
-- link_telegram: gives an account the Telegram account that may log in to it. Its claim outside was made before.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] Telegram id  [3] its name  [4] its username, or ""  [5] now ms
-- returns 1 it is the account's | 0 the account has another one | -1 the account is gone
---@include keys mark changed
local key = user_key(KEYS[1], ARGV[1])
local is = redis.call("HMGET", key, "user_slug", "telegram_id")
if not is[1] then return -1 end
if is[2] then return is[2] == ARGV[2] and 1 or 0 end
redis.call("HSET", key, "telegram_id", ARGV[2], "telegram_name", ARGV[3], "telegram_username", ARGV[4],
  "telegram_since", ARGV[5])
changed(KEYS[1], ARGV[1], "a", "0")
return 1
