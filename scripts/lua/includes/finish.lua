-- finish: ends a delivery: it is out of the set, remembered for a while, and no longer counted.
local function finish(prefix, id, user, state, remembered)
  local key = delivery_key(prefix, id)
  redis.call("HSET", key, "state", state)
  redis.call("PEXPIRE", key, remembered)
  redis.call("ZREM", deliveries_key(prefix), id)
  redis.call("HINCRBY", user_key(prefix, user), "deliveries", -1)
end
