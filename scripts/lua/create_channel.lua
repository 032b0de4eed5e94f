#!lua
-- create_channel: makes a channel whose number the caller has claimed; a repeat answers the same. One that is made
-- for a check is used by it at once, and by no other.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] channel id  [3] now ms  [4] kind  [5] revision  [6] the one check it is for, or ""
-- ARGV[7] "1": new checks get it  [8] most channels of the account  [9] most default channels
-- ARGV[10...] field, value, ... of the channel
-- returns {"created"} | {"unknown"} no such account or check | {"quota"} | {"too_many_defaults"}
-- returns {"has_one", channel id}: the check has one of this kind already
---@include keys mark changed whole listing index state channels
local prefix, user, id, now, kind, for_check = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[6]
local key, channels, defaults = channel_key(prefix, id), user_channels_key(prefix, user), user_defaults_key(prefix, user)
if redis.call("EXISTS", key) == 1 then return {"created"} end
if redis.call("HEXISTS", user_key(prefix, user), "user_slug") == 0 then return {"unknown"} end
local check, own
if for_check ~= "" then
  check = read_check(prefix, for_check)
  if not check or check.user_id ~= user then return {"unknown"} end
  own = check.own_channels == "" and {} or cjson.decode(check.own_channels)
  if own[kind] then return {"has_one", whole(own[kind])} end
end
if redis.call("SCARD", channels) >= tonumber(ARGV[8]) then return {"quota"} end
if ARGV[7] == "1" and redis.call("SCARD", defaults) >= tonumber(ARGV[9]) then return {"too_many_defaults"} end

redis.call("HSET", key, "id", id, "user_id", user, "kind", kind, "created_at", now, "changed_at", now,
  "revision", ARGV[5], "own_check", for_check, "default", ARGV[7])
redis.call("HSET", key, unpack(ARGV, 10))
redis.call("SADD", channels, id)
mark(prefix, "channel:" .. id)
if ARGV[7] == "1" then redis.call("SADD", defaults, id) end
if check then
  own[kind] = tonumber(id)
  check.own_channels = cjson.encode(own)
  redis.call("HSET", check_key(prefix, check.id), "own_channels", check.own_channels, "edited_at", now)
  use_channel(prefix, check, id, true, 0)
end
changed(prefix, user, "a", check and check.id or "0")
return {"created"}
