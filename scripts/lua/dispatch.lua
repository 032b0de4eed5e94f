#!lua
-- dispatch: turns one outbox entry into a due delivery for each of its channels, once.
-- KEYS[1] the partition's prefix
-- ARGV[1] entry id in the stream  [2] event id  [3] event as JSON  [4] user id  [5] check id  [6] now ms
-- ARGV[7] channels, a JSON list of ids  [8] most unfinished deliveries of the account  [9] ms the event is kept
-- returns {deliveries made, deliveries refused because the account has too many}; {0, 0} also when another
-- dispatcher was first
---@include keys whole
local prefix, made, refused = KEYS[1], 0, 0
if redis.call("XDEL", outbox_key(prefix), ARGV[1]) == 0 then return {0, 0} end
local user = user_key(prefix, ARGV[4])
local unfinished = tonumber(redis.call("HGET", user, "deliveries") or "0")
for _, channel in ipairs(cjson.decode(ARGV[7])) do
  local id = whole(channel)
  if redis.call("HGET", channel_key(prefix, id), "enabled") == "1" then
    if unfinished + made < tonumber(ARGV[8]) then
      local delivery = ARGV[2] .. "-c" .. id
      redis.call("HSET", delivery_key(prefix, delivery), "event_id", ARGV[2], "user_id", ARGV[4],
        "check_id", ARGV[5], "channel_id", id, "created_at", ARGV[6], "state", "due", "attempts", "0", "token", "0")
      redis.call("ZADD", deliveries_key(prefix), ARGV[6], delivery)
      made = made + 1
    else
      refused = refused + 1
    end
  end
end
if made > 0 then
  redis.call("SET", event_key(prefix, ARGV[2]), ARGV[3], "PX", ARGV[9])
  redis.call("HINCRBY", user, "deliveries", made)
end
return {made, refused}
