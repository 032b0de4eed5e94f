#!lua
-- revoke_key: takes an access key from an account. The last one that may do everything stays, unless Telegram opens the
-- account as well or an operator wants it.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] digest of the key  [3] "1" to take also the last one
-- returns 1 it is no key of the account any more | 0 it was none, or the account is gone | -1 it is the last one
---@include keys mark changed
local prefix, user = KEYS[1], ARGV[1]
local of_user = access_keys_key(prefix, user)
local is = redis.call("HMGET", user_key(prefix, user), "user_slug", "telegram_id")
if not is[1] or redis.call("HEXISTS", of_user, ARGV[2]) == 0 then return 0 end
if ARGV[3] ~= "1" and not is[2] then
  local others = 0
  local found = redis.call("HGETALL", of_user)
  for i = 1, #found, 2 do
    if found[i] ~= ARGV[2] and cjson.decode(found[i + 1]).scope == "full" then others = others + 1 end
  end
  if others == 0 then return -1 end
end
redis.call("HDEL", of_user, ARGV[2])
-- Without this the next use of the last key would bring it back, as that of an account which has never known its key.
if redis.call("EXISTS", of_user) == 0 then redis.call("HSET", user_key(prefix, user), "keys_known", "1") end
redis.call("HDEL", key_uses_key(prefix, user), ARGV[2])
changed(prefix, user, "as", "0")
return 1
