-- finish: ends a delivery that has left its lane: it is remembered for a while, and its events count no longer. What
-- was delivered keeps only the events that the log shows; what was not may be sent again, and keeps them all.
local EVENTS_SHOWN = 20

local function finish(prefix, id, state, remembered)
  local key = delivery_key(prefix, id)
  local delivery = redis.call("HMGET", key, "user_id", "count", "bytes")
  if state == "delivered" then redis.call("LTRIM", delivery_events_key(prefix, id), 0, EVENTS_SHOWN - 1) end
  redis.call("HSET", key, "state", state, "again_at", "")
  redis.call("PEXPIRE", key, remembered)
  redis.call("PEXPIRE", delivery_events_key(prefix, id), remembered)
  mark(prefix, "delivery:" .. id)
  if delivery[1] then
    local user = user_key(prefix, delivery[1])
    redis.call("HINCRBY", user, "queued", whole(0 - (tonumber(delivery[2]) or 0)))
    redis.call("HINCRBY", user, "queued_bytes", whole(0 - (tonumber(delivery[3]) or 0)))
    changed(prefix, delivery[1], "a", "0")
  end
end
