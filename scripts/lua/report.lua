#!lua
-- report: writes down what became of a send. A success counts even if its lease has lapsed, so that the
-- delivery is not sent again; a failure only from the worker that still holds it.
-- KEYS[1] the partition's prefix
-- ARGV[1] delivery id  [2] token  [3] now ms  [4] "delivered" | "failed"  [5] detail for the owner
-- ARGV[6] ms at which to try again, "" for never  [7] ms that a finished delivery is remembered
-- returns 1 written | 0 not this worker's any more
---@include keys finish
local prefix, id = KEYS[1], ARGV[1]
local key = delivery_key(prefix, id)
local delivery = redis.call("HMGET", key, "state", "token", "channel_id", "user_id")
if not delivery[1] or delivery[1] == "delivered" or delivery[1] == "failed" or delivery[1] == "dropped" then return 0 end
local delivered = ARGV[4] == "delivered"
if not delivered and (delivery[1] ~= "sending" or delivery[2] ~= ARGV[2]) then return 0 end

redis.call("HSET", key, "detail", ARGV[5], "reported_at", ARGV[3])
if delivered or ARGV[6] == "" then
  finish(prefix, id, delivery[4], ARGV[4], ARGV[7])
else
  redis.call("HSET", key, "state", "due")
  redis.call("ZADD", deliveries_key(prefix), ARGV[6], id)
end
if redis.call("EXISTS", channel_key(prefix, delivery[3])) == 1 then
  redis.call("HSET", channel_key(prefix, delivery[3]), "last_status", delivered and "ok" or "error",
    "last_message", ARGV[5], "last_at", ARGV[3])
  redis.call("HINCRBY", user_key(prefix, delivery[4]), "version", 1)
end
return 1
