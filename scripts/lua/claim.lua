#!lua
-- claim: lets one worker send one delivery; late workers, doubled jobs and lapsed leases get nothing.
-- KEYS[1] the partition's prefix
-- ARGV[1] delivery id  [2] token  [3] now ms  [4] ms of the lease, longer than a send may take
-- ARGV[5] ms that a finished delivery is remembered
-- returns {event JSON, attempt, created at, channel id, kind, settings JSON, sealed secret or "", data key} or {}
---@include keys whole finish
local prefix, id = KEYS[1], ARGV[1]
local key = delivery_key(prefix, id)
local delivery = redis.call("HMGET", key, "state", "token", "event_id", "channel_id", "user_id", "created_at")
if delivery[1] ~= "handed" or delivery[2] ~= ARGV[2] then return {} end
local channel = redis.call("HMGET", channel_key(prefix, delivery[4]), "kind", "settings", "secret", "enabled")
local event = redis.call("GET", event_key(prefix, delivery[3]))
if channel[4] ~= "1" or not event then
  finish(prefix, id, delivery[5], "dropped", ARGV[5])
  return {}
end
local attempt = redis.call("HINCRBY", key, "attempts", 1)
redis.call("HSET", key, "state", "sending")
redis.call("ZADD", deliveries_key(prefix), whole(tonumber(ARGV[3]) + tonumber(ARGV[4])), id)
return {event, attempt, delivery[6], delivery[4], channel[1], channel[2] or "{}", channel[3] or "",
  redis.call("HGET", user_key(prefix, delivery[5]), "data_key") or ""}
