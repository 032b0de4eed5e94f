#!lua
-- assign_to_all: makes the account's checks use a channel, so many a call, by their numbers.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] channel id  [3] check id to start beyond  [4] most checks a call  [5] most channels of a check
-- returns {check id to go on from, or "" at the end, checks that use it now and didn't} | {"no_channel"}
---@include keys mark changed whole listing index state channels
local prefix, user, id, most = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4])
local channel = redis.call("HMGET", channel_key(prefix, id), "user_id", "own_check")
if channel[1] ~= user or (channel[2] or "") ~= "" then return {"no_channel"} end
local users, checks, touched = channel_checks_key(prefix, id), user_checks_key(prefix, user), 0
local found = redis.call("ZRANGE", checks, "(" .. ARGV[3], "+inf", "BYSCORE", "LIMIT", 0, most)
for _, number in ipairs(found) do
  if redis.call("SISMEMBER", users, number) == 0 then
    local check = read_check(prefix, number)
    if check and use_channel(prefix, check, id, true, tonumber(ARGV[5])) then touched = touched + 1 end
  end
end
if touched > 0 then changed(prefix, user, "wa", "0") end
return {#found == most and found[most] or "", touched}
