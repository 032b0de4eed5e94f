#!lua
-- delete_check: removes a check and everything it kept. The channels that only it uses must be gone already.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id
-- returns the check's uuid, whose claim the caller removes | "" when there was no such check
-- returns "own" while it has channels of its own, which take more than one call to delete
---@include keys mark changed whole listing index state tags channels
local prefix, user, id = KEYS[1], ARGV[1], ARGV[2]
local key = check_key(prefix, id)
local check = read_check(prefix, id)
if not check or check.user_id ~= user then return "" end
for channel in pairs(own_ids(check)) do
  if redis.call("EXISTS", channel_key(prefix, channel)) == 1 then return "own" end
end
local uuid = redis.call("HGET", key, "uuid")
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
