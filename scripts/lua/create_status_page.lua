#!lua
-- create_status_page: makes a status page whose number the caller has claimed; a repeat answers the same.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] page id  [3] uuid  [4] now ms  [5] revision  [6] slug  [7] most pages of the account
-- ARGV[8...] field, value, ... of the page
-- returns {"created"} | {"unknown"} no such account | {"quota"} | {"slug_taken", page id}
---@include keys mark changed
local prefix, user, id, now, slug = KEYS[1], ARGV[1], ARGV[2], ARGV[4], ARGV[6]
local key, slugs = status_page_key(prefix, id), page_slugs_key(prefix, user)
if redis.call("EXISTS", key) == 1 then return {"created"} end
if redis.call("HEXISTS", user_key(prefix, user), "user_slug") == 0 then return {"unknown"} end
local holder = redis.call("HGET", slugs, slug)
if holder then return {"slug_taken", holder} end
if redis.call("HLEN", slugs) >= tonumber(ARGV[7]) then return {"quota"} end

redis.call("HSET", key, "id", id, "uuid", ARGV[3], "user_id", user, "slug", slug, "created_at", now, "changed_at", now,
  "revision", ARGV[5], unpack(ARGV, 8))
redis.call("HSET", slugs, slug, id)
mark(prefix, "status-page:" .. id)
redis.call("HINCRBY", user_key(prefix, user), "pages_version", 1)
changed(prefix, user, "a", "0")
return {"created"}
