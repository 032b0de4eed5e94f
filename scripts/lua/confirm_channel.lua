#!lua
-- confirm_channel: turns a channel on that waits for the reader of its address to agree, and remembers the address.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] channel id  [3] revision the caller read  [4] revision from now on  [5] the address that agreed
-- returns 1 it is on | 0 it does not wait | -1 no such channel | -2 stale: read again
---@include keys mark changed
local key = channel_key(KEYS[1], ARGV[2])
local channel = redis.call("HMGET", key, "user_id", "revision", "off_reason")
if channel[1] ~= ARGV[1] then return -1 end
if channel[2] == ARGV[4] then return 1 end
if channel[2] ~= ARGV[3] then return -2 end
if channel[3] ~= "unconfirmed" then return 0 end
redis.call("HSET", key, "enabled", "1", "confirmed", ARGV[5], "revision", ARGV[4])
redis.call("HDEL", key, "off_reason", "off_at")
mark(KEYS[1], "channel:" .. ARGV[2])
changed(KEYS[1], ARGV[1], "wa", "0")
return 1
