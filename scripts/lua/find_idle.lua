#!lua flags=no-writes
-- find_idle: which of some checks nobody had to do with since a moment, and whether the account could go then.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] that moment, ms  [3] checks of the account that go  [4...] check ids
-- returns {1 the account could go | 0, version of its status pages, then for each idle check: id, its last touch ms, name}
---@include keys whole idle
local prefix, user, before = KEYS[1], ARGV[1], tonumber(ARGV[2])
local found = {is_deserted(prefix, user, before, ARGV[3]) and 1 or 0,
  redis.call("HGET", user_key(prefix, user), "pages_version") or "0"}
for _, id in ipairs({unpack(ARGV, 4)}) do
  local is = redis.call("HMGET", check_key(prefix, id), "user_id", "name")
  if is[1] == user then
    local touched = last_touch(prefix, id)
    if touched < before then
      found[#found + 1] = id
      found[#found + 1] = whole(touched)
      found[#found + 1] = is[2]
    end
  end
end
return found
