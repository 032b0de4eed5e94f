#!lua
-- reindex: builds the indexes of an account anew from its checks, so many a call, by their numbers.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id to start beyond, "0" to begin: then the old indexes go first  [3] most checks a call
-- returns check id to go on from, or "" at the end
---@include keys whole index state
local prefix, user, most = KEYS[1], ARGV[1], tonumber(ARGV[3])
local key = user_key(prefix, user)
if redis.call("HEXISTS", key, "user_slug") == 0 then return "" end
if ARGV[2] == "0" then
  redis.call("UNLINK", by_name_key(prefix, user), by_uuid_key(prefix, user), by_deadline_key(prefix, user),
    by_last_ping_key(prefix, user), by_last_duration_key(prefix, user), by_status_key(prefix, user),
    by_due_key(prefix, user), running_key(prefix, user), search_key(prefix, user))
  redis.call("HDEL", key, "interval_count", "interval_sum", "duration_count", "duration_sum")
end
local found = redis.call("ZRANGE", user_checks_key(prefix, user), "(" .. ARGV[2], "+inf", "BYSCORE", "LIMIT", 0, most)
for _, id in ipairs(found) do
  local check = read_check(prefix, id)
  if check then index_check(prefix, check) end
end
redis.call("HINCRBY", key, "version", 1)
return #found == most and found[most] or ""
