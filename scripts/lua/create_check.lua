#!lua
-- create_check: makes a check whose number and UUID the caller has claimed; a repeat answers the same.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id  [3] uuid  [4] now ms  [5] due ms or ""  [6] slug or ""
-- ARGV[7] tags, a JSON list of names  [8] channels, a JSON list of ids  [9] most checks of the account
-- ARGV[10] "1": the channels are the account's default ones as the caller read them; one that is none any more is left out
-- ARGV[11...] field, value, ... of the settings
-- returns {"created"} | {"slug_taken", id of the check that has it} | {"quota"} | {"no_channel", id} | {"no_user"}
---@include keys mark changed whole listing index state runs arm tags settings channels
local prefix, user, id = KEYS[1], ARGV[1], ARGV[2]
local key = check_key(prefix, id)
if redis.call("HEXISTS", user_key(prefix, user), "user_slug") == 0 then return {"no_user"} end
if redis.call("HGET", key, "uuid") == ARGV[3] then return {"created"} end
if redis.call("ZCARD", user_checks_key(prefix, user)) >= tonumber(ARGV[9]) then return {"quota"} end
local holder = ARGV[6] ~= "" and redis.call("HGET", user_slugs_key(prefix, user), ARGV[6])
if holder then return {"slug_taken", holder} end
local wanted = cjson.decode(ARGV[8])
if ARGV[10] == "1" then
  local defaults = {}
  for _, channel in ipairs(wanted) do
    if redis.call("SISMEMBER", user_defaults_key(prefix, user), whole(channel)) == 1 then defaults[#defaults + 1] = channel end
  end
  wanted = defaults
else
  local foreign = foreign_channel(prefix, user, id, ARGV[8])
  if foreign then return {"no_channel", foreign} end
end

-- Numbers are drawn before, so a lower one may come later: the times of creation are made to rise with the numbers.
local checks, created_at = user_checks_key(prefix, user), tonumber(ARGV[4])
local older = redis.call("ZRANGE", checks, "(" .. id, "-inf", "BYSCORE", "REV", "LIMIT", 0, 1)[1]
local newer = redis.call("ZRANGE", checks, "(" .. id, "+inf", "BYSCORE", "LIMIT", 0, 1)[1]
if older then created_at = math.max(created_at, tonumber(redis.call("HGET", check_key(prefix, older), "created_at"))) end
if newer then created_at = math.min(created_at, tonumber(redis.call("HGET", check_key(prefix, newer), "created_at"))) end

redis.call("HSET", key, "id", id, "user_id", user, "uuid", ARGV[3], "created_at", whole(created_at), "revision", "1",
  "slug", ARGV[6], "channels", "[]", "tags", set_tags(prefix, user, id, "[]", ARGV[7]),
  "status", "new", "status_since", ARGV[4], "failure_count", "0", "ping_count", "0")
if ARGV[6] ~= "" then redis.call("HSET", user_slugs_key(prefix, user), ARGV[6], id) end
redis.call("ZADD", checks, id, id)
local check = read_check(prefix, id)
write_settings(prefix, check, ARGV, 11)
set_channels(prefix, check, wanted)
check.due = ARGV[5]
arm(prefix, check)
write_check(prefix, check, true)
index_check(prefix, check)
return {"created"}
