#!lua
-- delete_status_page: removes a status page; its checks stay.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] page id
-- returns 1 gone | 0 no such page
---@include keys mark changed
local prefix, user, id = KEYS[1], ARGV[1], ARGV[2]
local key, slugs = status_page_key(prefix, id), page_slugs_key(prefix, user)
local page = redis.call("HMGET", key, "user_id", "slug")
if page[1] ~= user then return 0 end
if redis.call("HGET", slugs, page[2]) == id then redis.call("HDEL", slugs, page[2]) end
redis.call("UNLINK", key)
mark(prefix, "status-page:" .. id)
changed(prefix, user, "a", "0")
return 1
