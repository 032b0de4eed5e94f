#!lua
-- hand_out: leases due deliveries to a slice of the queue; a lease that lapses makes them due again.
-- KEYS[1] the partition's prefix
-- ARGV[1] now ms  [2] most deliveries  [3] ms of the lease
-- returns {{delivery id, token}, ...}; the token is what a worker must show to claim it
---@include keys whole
local prefix, now = KEYS[1], tonumber(ARGV[1])
local handed = {}
for _, id in ipairs(redis.call("ZRANGE", deliveries_key(prefix), "-inf", ARGV[1], "BYSCORE", "LIMIT", 0, ARGV[2])) do
  local key = delivery_key(prefix, id)
  if redis.call("EXISTS", key) == 0 then
    redis.call("ZREM", deliveries_key(prefix), id)
  else
    local token = redis.call("HINCRBY", key, "token", 1)
    redis.call("HSET", key, "state", "handed")
    redis.call("ZADD", deliveries_key(prefix), whole(now + tonumber(ARGV[3])), id)
    handed[#handed + 1] = {id, whole(token)}
  end
end
return handed
