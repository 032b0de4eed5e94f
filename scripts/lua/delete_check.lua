#!lua
-- delete_check: removes a check, everything it kept, and the channel that only it used.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id
-- returns the check's uuid, whose claim the caller removes, or "" when there was no such check
---@include keys whole state tags
local prefix, user, id = KEYS[1], ARGV[1], ARGV[2]
local key = check_key(prefix, id)
local check = read_check(prefix, id)
if not check or check.user_id ~= user then return "" end
local uuid = redis.call("HGET", key, "uuid")
if check.slug ~= "" then redis.call("HDEL", user_slugs_key(prefix, user), check.slug) end
set_tags(prefix, user, id, check.tags, "[]")
if check.own_webhook ~= "" then
  redis.call("DEL", channel_key(prefix, check.own_webhook))
  redis.call("SREM", user_channels_key(prefix, user), check.own_webhook)
end
redis.call("HINCRBY", user_key(prefix, user), "body_bytes", whole(0 - (tonumber(check.body_bytes) or 0)))
redis.call("HINCRBY", user_key(prefix, user), "version", 1)
redis.call("ZREM", user_checks_key(prefix, user), id)
redis.call("ZREM", deadlines_key(prefix), id)
redis.call("UNLINK", key, log_key(prefix, id), bodies_key(prefix, id), flips_key(prefix, id), days_key(prefix, id))
return uuid
