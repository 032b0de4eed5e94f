#!lua
-- resend: puts a delivery that was given up back at the end of its lane, with a day of attempts before it.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] delivery id  [3] now ms
-- returns 1 queued | 0 it is not given up | -1 no such delivery | -2 its channel is gone or off
---@include keys mark changed lane
local prefix, id = KEYS[1], ARGV[2]
local key = delivery_key(prefix, id)
local delivery = redis.call("HMGET", key, "user_id", "state", "lane", "attempts", "count", "channels", "bytes")
if delivery[1] ~= ARGV[1] or redis.call("HEXISTS", user_key(prefix, ARGV[1]), "user_slug") == 0 then return -1 end
if delivery[2] ~= "failed" and delivery[2] ~= "dropped" then return 0 end
local lane = delivery[3]
local channel = sending_channel(prefix, lane, delivery[6])
if not channel then return -2 end
redis.call("PERSIST", key)
redis.call("PERSIST", delivery_events_key(prefix, id))
redis.call("HSET", key, "state", "due", "base", delivery[4], "since", ARGV[3], "again_at", "")
redis.call("RPUSH", lane_queue_key(prefix, lane), id)
redis.call("HSET", lane_key(prefix, lane), "user_id", ARGV[1], "destination",
  redis.call("HGET", channel_key(prefix, channel), "destination") or "")
redis.call("PERSIST", lane_key(prefix, lane))
redis.call("ZADD", lanes_key(prefix), "NX", ARGV[3], lane)
mark(prefix, "delivery:" .. id)
mark(prefix, "lane:" .. lane)
redis.call("HINCRBY", user_key(prefix, ARGV[1]), "queued", delivery[5])
redis.call("HINCRBY", user_key(prefix, ARGV[1]), "queued_bytes", delivery[7] or "0")
changed(prefix, ARGV[1], "a", "0")
return 1
