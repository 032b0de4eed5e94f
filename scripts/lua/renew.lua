#!lua
-- renew: keeps leases while their messages are being sent.
-- KEYS[1] the partition's prefix
-- ARGV[1] now ms  [2] ms of the lease  [3...] lane, lease, lane, lease, ...
-- returns how many were still this worker's
---@include keys mark whole
local prefix, kept = KEYS[1], 0
local until_ms = whole(tonumber(ARGV[1]) + tonumber(ARGV[2]))
local held = {unpack(ARGV, 3)}
for i = 1, #held, 2 do
  -- One that was reported meanwhile waits for its retry, which may be an hour away.
  local state = redis.call("HMGET", lane_key(prefix, held[i]), "lease", "waits")
  if state[1] == held[i + 1] and state[2] == "leased" then
    redis.call("ZADD", lanes_key(prefix), "XX", until_ms, held[i])
    mark(prefix, "lane:" .. held[i])
    kept = kept + 1
  end
end
return kept
