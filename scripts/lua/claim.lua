#!lua
-- claim: lets one worker send one delivery; late workers, doubled jobs and lapsed leases get nothing.
-- KEYS[1] the partition's prefix
-- ARGV[1] delivery id  [2] token  [3] now ms  [4] ms of the lease, longer than a send may take
-- ARGV[5] ms that a finished delivery is remembered
-- returns {event JSON, attempt, created at, channel id, kind, settings JSON, sealed secret or "", data key} or {}
---@include keys whole
local prefix, id = KEYS[1], ARGV[1]
local key = delivery_key(prefix, id)
local delivery = redis.call("HMGET", key, "state", "token", "event", "channel_id", "user_id", "created_at")
if delivery[1] ~= "handed" or delivery[2] ~= ARGV[2] then return {} end
local channel = redis.call("HMGET", channel_key(prefix, delivery[4]), "kind", "settings", "secret", "enabled")
if channel[4] ~= "1" then
  redis.call("HSET", key, "state", "dropped")
  redis.call("PEXPIRE", key, ARGV[5])
  redis.call("ZREM", deliveries_key(prefix), id)
  return {}
end
local attempt = redis.call("HINCRBY", key, "attempts", 1)
redis.call("HSET", key, "state", "sending")
redis.call("ZADD", deliveries_key(prefix), whole(tonumber(ARGV[3]) + tonumber(ARGV[4])), id)
return {delivery[3], attempt, delivery[6], delivery[4], channel[1], channel[2] or "{}", channel[3] or "",
  redis.call("HGET", user_key(prefix, delivery[5]), "data_key") or ""}
