#!lua
-- rotate_family: gives a new refresh token for the newest one of an admin's login; an older one ends the login.
-- KEYS[1] the family, such as "ttr:admin-family:<id>"
-- ARGV[1] id of the token that was sent  [2] id of the next one  [3] now ms
-- ARGV[4] ms for which the one before the newest still gets the newest  [5] seconds until the family expires
-- returns {"rotated" or "again", id of the newest token}, {"reused", ""} or {"gone", ""}
local family_key, now, grace = KEYS[1], tonumber(ARGV[3]), tonumber(ARGV[4])

local found = redis.call("HMGET", family_key, "current", "previous", "rotated_at")
local current, previous, rotated_at = found[1], found[2], tonumber(found[3])
if not current then return {"gone", ""} end
if ARGV[1] == current then
  redis.call("HSET", family_key, "current", ARGV[2], "previous", current, "rotated_at", ARGV[3])
  redis.call("EXPIRE", family_key, ARGV[5])
  return {"rotated", ARGV[2]}
end
-- Both ways: clocks of processes may differ.
if ARGV[1] == previous and math.abs(now - rotated_at) <= grace then return {"again", current} end
redis.call("DEL", family_key)
return {"reused", ""}
