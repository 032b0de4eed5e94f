#!lua
-- update_channel: changes what an owner set. The caller has worked it out from one revision and gives the next.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] channel id  [3] revision the caller read  [4] revision from now on  [5] now ms
-- ARGV[6] "1": new checks get it  [7] most default channels  [8] open settings that change, a JSON object
-- ARGV[9...] field, value, ... of the channel
-- returns {"updated"} | {"unknown"} | {"stale"} read again | {"too_many_defaults"}
---@include keys mark changed
local prefix, user, id = KEYS[1], ARGV[1], ARGV[2]
local key, defaults = channel_key(prefix, id), user_defaults_key(prefix, user)
local before = redis.call("HMGET", key, "user_id", "revision", "settings", "default")
if before[1] ~= user then return {"unknown"} end
if before[2] == ARGV[4] then return {"updated"} end
if before[2] ~= ARGV[3] then return {"stale"} end
local becomes_default = ARGV[6] == "1" and before[4] ~= "1"
if becomes_default and redis.call("SCARD", defaults) >= tonumber(ARGV[7]) then return {"too_many_defaults"} end

-- Merged here: a service may have changed another of them meanwhile (a chat's new number).
local settings = cjson.decode(before[3] or "{}")
for name, value in pairs(cjson.decode(ARGV[8])) do settings[name] = value end
redis.call("HSET", key, "settings", cjson.encode(settings), "revision", ARGV[4], "changed_at", ARGV[5], "default", ARGV[6])
redis.call("HSET", key, unpack(ARGV, 9))
if redis.call("HGET", key, "enabled") == "1" then redis.call("HDEL", key, "off_reason", "off_at") end
if ARGV[6] == "1" then redis.call("SADD", defaults, id) else redis.call("SREM", defaults, id) end
mark(prefix, "channel:" .. id)
changed(prefix, user, "wa", "0")
return {"updated"}
