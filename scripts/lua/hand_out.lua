#!lua
-- hand_out: leases lanes that have something to send now; a lease that lapses makes them due again, so a worker
-- that dies loses nothing. A lane is with one worker at a time, so its messages keep their order.
-- KEYS[1] the partition's prefix
-- ARGV[1] now ms  [2] most lanes  [3] ms of the lease  [4] the lease's name, which nobody else has used
-- returns {{lane, user id, destination, "1" if its last send failed or was slow}, ...}, longest due first
---@include keys mark whole
local prefix, now = KEYS[1], tonumber(ARGV[1])
local handed, lease_ends = {}, whole(now + tonumber(ARGV[3]))

-- A repeat, after a lost connection, finds what it was given.
for _, lane in ipairs(redis.call("ZRANGE", lanes_key(prefix), lease_ends, lease_ends, "BYSCORE", "LIMIT", 0, 1000)) do
  local state = redis.call("HMGET", lane_key(prefix, lane), "user_id", "destination", "last_status", "lease")
  if state[4] == ARGV[4] then
    handed[#handed + 1] = {lane, state[1], state[2] or "", state[3] == "error" and "1" or ""}
  end
end
if #handed > 0 then return handed end

for _, lane in ipairs(redis.call("ZRANGE", lanes_key(prefix), "-inf", ARGV[1], "BYSCORE", "LIMIT", 0, ARGV[2])) do
  local key = lane_key(prefix, lane)
  local state = redis.call("HMGET", key, "user_id", "destination", "last_status")
  if not state[1] or redis.call("HEXISTS", user_key(prefix, state[1]), "user_slug") == 0 then
    redis.call("ZREM", lanes_key(prefix), lane)
    mark(prefix, "lane:" .. lane)
  else
    redis.call("HSET", key, "lease", ARGV[4], "waits", "leased")
    redis.call("ZADD", lanes_key(prefix), lease_ends, lane)
    mark(prefix, "lane:" .. lane)
    handed[#handed + 1] = {lane, state[1], state[2] or "", state[3] == "error" and "1" or ""}
  end
end
return handed
