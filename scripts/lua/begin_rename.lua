#!lua
-- begin_rename: begins a change of an account's slugs, one at a time, and writes down which it will claim: claims lie
-- outside the partition, and one that a crash leaves behind has to be found again. A former slug ends here at once.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] token of whoever does it  [3] now ms  [4] ms until which nobody else may
-- ARGV[5] user slug to claim, or ""  [6] public slug to claim, or ""  [7] former slug that ends, or ""
-- returns {"begun", user slug, public slug, and what an earlier change may have left claimed: user slug or "", public
-- slug it wanted or "", public slug before it or "", former slug, ...}
-- returns {"busy"} | {"gone"} no such account | {"unknown"} no such former slug
---@include keys mark changed
local FORMER_MOST = 100
local prefix, user, token = KEYS[1], ARGV[1], ARGV[2]
local key, former = user_key(prefix, user), former_slugs_key(prefix, user)
local is = redis.call("HMGET", key, "user_slug", "public_slug", "renaming")
if not is[1] then return {"gone"} end
local owner, lease_ends, wanted, wanted_public, public_before =
  string.match(is[3] or "", "^(%w+):(%d+):([^:]*):([^:]*):([^:]*)$")
if owner == token then
  wanted, wanted_public, public_before = "", "", ""
else
  if owner and tonumber(lease_ends) > tonumber(ARGV[3]) then return {"busy"} end
  if ARGV[7] ~= "" then
    if redis.call("ZREM", former, ARGV[7]) == 0 then return {"unknown"} end
    changed(prefix, user, "a", "0")
  end
  mark(prefix, "user:" .. user)
  redis.call("HSET", key, "renaming", table.concat({token, ARGV[4], ARGV[5], ARGV[6], is[2]}, ":"))
end
local slugs = redis.call("ZRANGE", former, "-inf", "+inf", "BYSCORE", "LIMIT", 0, FORMER_MOST)
return {"begun", is[1], is[2], wanted or "", wanted_public or "", public_before or "", unpack(slugs)}
