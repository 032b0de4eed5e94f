#!lua
-- unlink_telegram: takes an account's Telegram account away. Sessions that it opened end with it.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] Telegram id  [3] "1" only if an access key opens the account and may do everything, else ""
-- returns 1 it is gone by this call | 0 it was not the account's | -1 there is no such key
---@include keys mark changed
local prefix, user = KEYS[1], ARGV[1]
local key = user_key(prefix, user)
if redis.call("HGET", key, "telegram_id") ~= ARGV[2] then return 0 end
if ARGV[3] ~= "" then
  local full = 0
  local found = redis.call("HGETALL", access_keys_key(prefix, user))
  for i = 2, #found, 2 do
    if cjson.decode(found[i]).scope == "full" then full = full + 1 end
  end
  if full == 0 then return -1 end
end
redis.call("HDEL", key, "telegram_id", "telegram_name", "telegram_username", "telegram_since")
changed(prefix, user, "as", "0")
return 1
