#!lua
-- dispatch: turns one outbox entry into a due delivery for each of its channels, once.
-- KEYS[1] the partition's prefix
-- ARGV[1] entry id in the stream  [2] event id  [3] event as JSON  [4] user id  [5] check id  [6] now ms
-- ARGV[7] channels, a JSON list of ids
-- returns the number of deliveries made; 0 also when another dispatcher was first
---@include keys whole
local prefix, made = KEYS[1], 0
if redis.call("XDEL", outbox_key(prefix), ARGV[1]) == 0 then return 0 end
for _, channel in ipairs(cjson.decode(ARGV[7])) do
  local id = whole(channel)
  if redis.call("HGET", channel_key(prefix, id), "enabled") == "1" then
    local delivery = ARGV[2] .. "-c" .. id
    redis.call("HSET", delivery_key(prefix, delivery), "event", ARGV[3], "user_id", ARGV[4], "check_id", ARGV[5],
      "channel_id", id, "created_at", ARGV[6], "state", "due", "attempts", "0", "token", "0")
    redis.call("ZADD", deliveries_key(prefix), ARGV[6], delivery)
    made = made + 1
  end
end
return made
