#!lua
-- update_status_page: changes what an owner set. The caller has worked it out from one revision and gives the next.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] page id  [3] revision the caller read  [4] revision from now on  [5] now ms  [6] slug
-- ARGV[7...] field, value, ... of the page
-- returns {"updated"} | {"unknown"} | {"stale"} read again | {"slug_taken", page id}
---@include keys mark changed
local prefix, user, id, slug = KEYS[1], ARGV[1], ARGV[2], ARGV[6]
local key, slugs = status_page_key(prefix, id), page_slugs_key(prefix, user)
local before = redis.call("HMGET", key, "user_id", "revision", "slug")
if before[1] ~= user then return {"unknown"} end
if before[2] == ARGV[4] then return {"updated"} end
if before[2] ~= ARGV[3] then return {"stale"} end
local holder = redis.call("HGET", slugs, slug)
if holder and holder ~= id then return {"slug_taken", holder} end

redis.call("HSET", key, "slug", slug, "changed_at", ARGV[5], "revision", ARGV[4], unpack(ARGV, 7))
if before[3] ~= slug then redis.call("HDEL", slugs, before[3]) end
redis.call("HSET", slugs, slug, id)
mark(prefix, "status-page:" .. id)
redis.call("HINCRBY", user_key(prefix, user), "pages_version", 1)
changed(prefix, user, "a", "0")
return {"updated"}
