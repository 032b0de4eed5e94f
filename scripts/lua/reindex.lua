#!lua
-- reindex: builds the indexes of an account anew from its checks, so many a call, by their numbers. Until the last
-- call the account's sums hold the checks up to `reindexed_to`; a rebuild that another one has begun after ends.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id to start beyond, "0" to begin: then the old indexes go first  [3] most checks a call
-- ARGV[4] token of the rebuild  [5] names and tags as they are sorted and searched, as of a moment ago: a JSON object
-- of check id -> {name, folded, tags as stored, folded tags}
-- returns check id to go on from, or "" at the end
---@include keys mark changed whole listing index state
local prefix, user, most = KEYS[1], ARGV[1], tonumber(ARGV[3])
local key = user_key(prefix, user)
if redis.call("HEXISTS", key, "user_slug") == 0 then return "" end
if ARGV[2] == "0" then
  redis.call("UNLINK", by_name_key(prefix, user), by_uuid_key(prefix, user), by_deadline_key(prefix, user),
    by_last_ping_key(prefix, user), by_last_duration_key(prefix, user), by_status_key(prefix, user),
    by_due_key(prefix, user), running_key(prefix, user), search_key(prefix, user))
  redis.call("HDEL", key, "interval_count", "interval_sum", "duration_count", "duration_sum")
  redis.call("HSET", key, "reindexing", ARGV[4], "reindexed_to", "0")
end
if redis.call("HGET", key, "reindexing") ~= ARGV[4] then return "" end
-- A repeat, after a lost connection, must not count twice.
local reindexed_to = redis.call("HGET", key, "reindexed_to")
if reindexed_to ~= ARGV[2] then return reindexed_to end
local found = redis.call("ZRANGE", user_checks_key(prefix, user), "(" .. ARGV[2], "+inf", "BYSCORE", "LIMIT", 0, most)

local folded = cjson.decode(ARGV[5])
if #found > 0 then redis.call("HSET", key, "reindexed_to", found[#found]) end
for _, id in ipairs(found) do
  local is, read = redis.call("HMGET", check_key(prefix, id), "name", "tags"), folded[id]
  if read and read[1] == is[1] and read[3] == (is[2] or "[]") then
    redis.call("HSET", check_key(prefix, id), "folded", read[2], "folded_tags", read[4])
    mark(prefix, "check:" .. id)
  end
  local check = read_check(prefix, id)
  if check then index_check(prefix, check) end
end
changed(prefix, user, "w", "0")
if #found == most then return found[most] end
redis.call("HDEL", key, "reindexing", "reindexed_to")
mark(prefix, "user:" .. user)
return ""
