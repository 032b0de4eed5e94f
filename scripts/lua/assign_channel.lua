#!lua
-- assign_channel: makes a check use a channel, or not any more.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id  [3] channel id  [4] "1" use it, "0" leave it  [5] most channels besides its own
-- returns {"assigned"} | {"unknown"} no such check | {"no_channel"} none that it can use | {"quota"}
-- returns {"own"}: it can't be left, only turned off or deleted
---@include keys mark changed whole listing index state channels
local prefix, user, id, on = KEYS[1], ARGV[1], ARGV[3], ARGV[4] == "1"
local check = read_check(prefix, ARGV[2])
if not check or check.user_id ~= user then return {"unknown"} end
if foreign_channel(prefix, user, check.id, "[" .. id .. "]") then return {"no_channel"} end
if not on and own_ids(check)[id] then return {"own"} end
if not use_channel(prefix, check, id, on, tonumber(ARGV[5])) then return {"quota"} end
changed(prefix, user, "a", check.id)
return {"assigned"}
