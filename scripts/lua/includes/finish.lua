-- finish: ends a delivery that has left its lane: it is remembered for a while, and its events count no longer.
local function finish(prefix, id, state, remembered)
  local key = delivery_key(prefix, id)
  local delivery = redis.call("HMGET", key, "user_id", "count")
  redis.call("HSET", key, "state", state, "again_at", "")
  redis.call("PEXPIRE", key, remembered)
  redis.call("PEXPIRE", delivery_events_key(prefix, id), remembered)
  if delivery[1] then
    redis.call("HINCRBY", user_key(prefix, delivery[1]), "queued", whole(0 - (tonumber(delivery[2]) or 0)))
  end
end
