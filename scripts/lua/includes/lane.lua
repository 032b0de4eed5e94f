-- lane: what leaves for one address of an account, one message after the other, by one worker at a time.
local LANE_KEPT = 86400000

-- What a lane does once no worker holds it: its next delivery at `at`, or nothing. Returns whether there is one.
local function release(prefix, lane, at, waits)
  local key = lane_key(prefix, lane)
  mark(prefix, "lane:" .. lane)
  if redis.call("LLEN", lane_queue_key(prefix, lane)) == 0 then
    redis.call("ZREM", lanes_key(prefix), lane)
    redis.call("HDEL", key, "waits", "lease")
    redis.call("PEXPIRE", key, LANE_KEPT)
    return false
  end
  redis.call("ZADD", lanes_key(prefix), at, lane)
  redis.call("HSET", key, "waits", waits)
  -- A renewal that is on its way must not move what was given back.
  if waits ~= "leased" then redis.call("HDEL", key, "lease") end
  return true
end

-- The first channel of ",7,9," that is on, if it can be one that still leads to this lane's address.
local function sending_channel(prefix, lane, channels)
  local found
  for id in string.gmatch(channels, "%d+") do
    local channel = redis.call("HMGET", channel_key(prefix, id), "enabled", "user_id", "address")
    if channel[1] == "1" then
      found = found or id
      if lane_of(channel[2], id, channel[3]) == lane then return id end
    end
  end
  return found
end
