#!lua
-- turn_off_channel: turns a channel off for somebody else than its owner, and keeps why. Who unsubscribes takes back
-- that they agreed, and refuses if they were asked; the owner is told by another channel.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] channel id  [3] reason: gone | unsubscribed  [4] now ms
-- ARGV[5] revision from now on, if somebody unsubscribes: an edit that was read before must look again
-- ARGV[6] the account's channels, a JSON list of those that may tell the owner
-- ARGV[7] origin: id of the request, for the log
-- returns 1 turned off | 0 it was off already | -1 no such channel
---@include keys mark changed whole notice
local key = channel_key(KEYS[1], ARGV[2])
local channel = redis.call("HMGET", key, "user_id", "enabled", "off_reason", "name")
if channel[1] ~= ARGV[1] then return -1 end
local unsubscribes = ARGV[3] == "unsubscribed"
if unsubscribes then
  redis.call("HDEL", key, "confirmed")
  redis.call("HSET", key, "revision", ARGV[5])
  mark(KEYS[1], "channel:" .. ARGV[2])
end
if channel[2] ~= "1" and not (unsubscribes and channel[3] == "unconfirmed") then return 0 end
redis.call("HSET", key, "enabled", "0", "off_reason", ARGV[3], "off_at", ARGV[4])
mark(KEYS[1], "channel:" .. ARGV[2])
changed(KEYS[1], ARGV[1], "wa", "0")
if unsubscribes and channel[2] == "1" then
  local event = "c" .. ARGV[2] .. "-" .. ARGV[5] .. "-" .. ARGV[4]
  tell_off(KEYS[1], ARGV[1], ARGV[6], ARGV[2], channel[4] or "", "its receiver unsubscribed", event, ARGV[4], ARGV[7])
end
return 1
