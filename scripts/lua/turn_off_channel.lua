#!lua
-- turn_off_channel: turns a channel off for somebody else than its owner, and keeps why.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] channel id  [3] reason: gone | unsubscribed  [4] now ms
-- returns 1 turned off | 0 it was off already | -1 no such channel
---@include keys
local key = channel_key(KEYS[1], ARGV[2])
local channel = redis.call("HMGET", key, "user_id", "enabled")
if channel[1] ~= ARGV[1] then return -1 end
if channel[2] ~= "1" then return 0 end
redis.call("HSET", key, "enabled", "0", "off_reason", ARGV[3], "off_at", ARGV[4])
redis.call("HINCRBY", user_key(KEYS[1], ARGV[1]), "version", 1)
return 1
