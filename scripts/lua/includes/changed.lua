-- changed: counts an account's version up and tells whoever watches. `kinds` is letters: "w" what depends on all checks
-- (membership, order, counters), "a" channels, deliveries or slugs, "s" sessions that may have ended, "" nothing besides
-- the row of `check` ("0" for none). Nothing is kept: who did not listen compares versions.
local function changed(prefix, user, kinds, check)
  local version = redis.call("HINCRBY", user_key(prefix, user), "version", 1)
  mark(prefix, "user:" .. user)
  if check ~= "0" then mark(prefix, "check:" .. check) end
  redis.call("SPUBLISH", changes_key(prefix), user .. " " .. version .. " " .. check .. " " .. kinds)
end
