#!lua
-- update_check: replaces what an owner set. An edit never makes a check overdue: if the new deadline has passed
-- already, the check is armed from now.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id  [3] now ms  [4] revision the caller read  [5] last ping the caller read or ""
-- ARGV[6] "1" if schedule, grace or maximum runtime changed  [7] due counted from the last ping or ""
-- ARGV[8] due counted from now or ""  [9] slug or ""  [10] tags, a JSON list of names
-- ARGV[11] channels, a JSON list of ids, or "" to leave them  [12...] field, value, ... of the settings
-- returns {"updated"} | {"stale"} read again | {"unknown"} | {"slug_taken", id} | {"no_channel", id}
---@include keys mark changed whole listing index state runs arm reminders tags settings channels
local prefix, user, now, slug = KEYS[1], ARGV[1], tonumber(ARGV[3]), ARGV[9]
local check = read_check(prefix, ARGV[2])
if not check or check.user_id ~= user then return {"unknown"} end
if check.revision ~= ARGV[4] or check.last_ping ~= ARGV[5] then return {"stale"} end
local slugs = user_slugs_key(prefix, user)
local holder = slug ~= "" and redis.call("HGET", slugs, slug)
if holder and holder ~= check.id then return {"slug_taken", holder} end
local foreign = ARGV[11] ~= "" and foreign_channel(prefix, user, check.id, ARGV[11])
if foreign then return {"no_channel", foreign} end

local was = read_listed(prefix, check.id)
if slug ~= check.slug then
  if check.slug ~= "" then redis.call("HDEL", slugs, check.slug) end
  if slug ~= "" then redis.call("HSET", slugs, slug, check.id) end
end
local key = check_key(prefix, check.id)
redis.call("HSET", key, "slug", slug, "tags", set_tags(prefix, user, check.id, check.tags, ARGV[10]))
if ARGV[11] ~= "" then set_channels(prefix, check, cjson.decode(ARGV[11])) end
redis.call("HINCRBY", key, "revision", 1)
redis.call("HSET", key, "edited_at", ARGV[3])
write_settings(prefix, check, ARGV, 12)
index_settings(prefix, check, was, read_listed(prefix, check.id))
if check.remind_every_minutes ~= check.before.remind_every_minutes then set_reminder(prefix, check, now) end

if ARGV[6] == "1" and check.status ~= "paused" and not (check.status == "down" and check.alerted == "1") then
  check.unarmed = ""
  check.due = ARGV[7]
  arm(prefix, check)
  arm_if_past(prefix, check, now, ARGV[8])
end
write_check(prefix, check, true)
return {"updated"}
