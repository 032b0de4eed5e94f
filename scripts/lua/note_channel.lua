#!lua
-- note_channel: keeps what a channel's service answered to a test.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] channel id  [3] "ok" | "error"  [4] detail for the owner  [5] now ms
-- ARGV[6] open settings that the service changed, a JSON object
-- returns 1 kept | 0 no such channel
---@include keys mark changed
local key = channel_key(KEYS[1], ARGV[2])
local channel = redis.call("HMGET", key, "user_id", "settings")
if channel[1] ~= ARGV[1] then return 0 end
local settings = cjson.decode(channel[2] or "{}")
for name, value in pairs(cjson.decode(ARGV[6])) do settings[name] = value end
redis.call("HSET", key, "settings", cjson.encode(settings), "last_status", ARGV[3], "last_message", ARGV[4],
  "last_at", ARGV[5])
mark(KEYS[1], "channel:" .. ARGV[2])
changed(KEYS[1], ARGV[1], "a", "0")
return 1
