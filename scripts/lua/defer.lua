#!lua
-- defer: gives a leased lane back until a time: it waits for its turn, and nothing was tried.
-- KEYS[1] the partition's prefix
-- ARGV[1] lane  [2] lease  [3] ms until which it waits
-- returns 1 given back | 0 the lease was not this worker's any more
---@include keys mark lane
local prefix, lane = KEYS[1], ARGV[1]
if redis.call("HGET", lane_key(prefix, lane), "lease") ~= ARGV[2] then return 0 end
release(prefix, lane, ARGV[3], "turn")
return 1
