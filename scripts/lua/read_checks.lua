#!lua flags=no-writes
-- read_checks: a page of an account's checks by number, whole hashes, in one trip.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] number to start beyond or ""  [3] "asc" | "desc"  [4] most checks
-- returns {account version, checks in all, {hash as field, value, ...}, ...}
---@include keys
local prefix, user, beyond, direction = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local key, most = user_checks_key(prefix, user), tonumber(ARGV[4])
local ids
if direction == "asc" then
  ids = redis.call("ZRANGE", key, beyond == "" and "-inf" or "(" .. beyond, "+inf", "BYSCORE", "LIMIT", 0, most)
else
  ids = redis.call("ZRANGE", key, beyond == "" and "+inf" or "(" .. beyond, "-inf", "BYSCORE", "REV", "LIMIT", 0, most)
end
local answer = {redis.call("HGET", user_key(prefix, user), "version") or "0", redis.call("ZCARD", key)}
for _, id in ipairs(ids) do answer[#answer + 1] = redis.call("HGETALL", check_key(prefix, id)) end
return answer
