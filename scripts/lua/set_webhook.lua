#!lua
-- set_webhook: changes the webhook that only this check uses, making it (a channel of the account) the first time.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id  [3] channel id claimed for a new one  [4] now ms  [5] most channels of the account
-- ARGV[6...] field, value, ... of the channel: what is sent changes
-- returns {"set", channel id} | {"unknown"} | {"quota"}
---@include keys whole state
local prefix, user = KEYS[1], ARGV[1]
local check = read_check(prefix, ARGV[2])
if not check or check.user_id ~= user then return {"unknown"} end
local id = check.own_webhook
if id == "" then
  local channels = user_channels_key(prefix, user)
  if redis.call("SCARD", channels) >= tonumber(ARGV[5]) then return {"quota"} end
  id = ARGV[3]
  redis.call("SADD", channels, id)
  redis.call("HSET", channel_key(prefix, id), "id", id, "user_id", user, "kind", "webhook", "own_check", check.id,
    "created_at", ARGV[4], "enabled", "0")
  redis.call("HSET", check_key(prefix, check.id), "own_webhook", id)
end
local list, assigned = cjson.decode(check.channels), false
for _, channel in ipairs(list) do assigned = assigned or whole(channel) == id end
if not assigned then
  list[#list + 1] = tonumber(id)
  redis.call("HSET", check_key(prefix, check.id), "channels", cjson.encode(list))
end
redis.call("HSET", channel_key(prefix, id), unpack(ARGV, 6))
write_check(prefix, check)
return {"set", id}
