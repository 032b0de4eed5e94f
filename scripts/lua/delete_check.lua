#!lua
-- delete_check: removes a check and everything it kept. The channels that only it uses must be gone already; where it
-- goes because nobody had to do with it, in one step with that decision, they are left for the caller to remove.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id; to remove it only if it is idle:  [3] since when, ms
-- ARGV[4] version of the account's status pages, none of which showed it
-- returns the check's uuid, whose claim the caller removes | "" when there was no such check
-- returns "own" while it has channels of its own, which take more than one call to delete | "kept" when it is not idle
---@include keys mark changed whole listing index state tags channels idle
local prefix, user, id, idle_since = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local key = check_key(prefix, id)
local check = read_check(prefix, id)
if not check or check.user_id ~= user then return "" end
local uuid = redis.call("HGET", key, "uuid")
if idle_since then
  if last_touch(prefix, id) >= idle_since then return "kept" end
  if (redis.call("HGET", user_key(prefix, user), "pages_version") or "0") ~= ARGV[4] then return "kept" end
  -- A change of many steps may be under way, which counts on what it has seen.
  if redis.call("EXISTS", user_chore_key(prefix, user)) == 1 then return "kept" end
else
  for channel in pairs(own_ids(check)) do
    if redis.call("EXISTS", channel_key(prefix, channel)) == 1 then return "own" end
  end
end
if check.slug ~= "" then redis.call("HDEL", user_slugs_key(prefix, user), check.slug) end
unindex_check(prefix, check)
set_tags(prefix, user, id, check.tags, "[]")
set_channels(prefix, check, {})
redis.call("HINCRBY", user_key(prefix, user), "body_bytes", whole(0 - (tonumber(check.body_bytes) or 0)))
changed(prefix, user, "wa", id)
redis.call("ZREM", user_checks_key(prefix, user), id)
redis.call("ZREM", deadlines_key(prefix), id)
redis.call("ZREM", reminders_key(prefix), id)
redis.call("ZREM", flapping_key(prefix), id)
redis.call("UNLINK", key, log_key(prefix, id), bodies_key(prefix, id), flips_key(prefix, id), days_key(prefix, id),
  check_deliveries_key(prefix, id))
return uuid
