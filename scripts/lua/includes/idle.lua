-- idle: when somebody last had to do with a check or an account. What a check waits for counts as well: one that is due
-- once a year is not idle while its run is awaited, nor so soon after it was missed.
local IDLE_TIMES = {"created_at", "edited_at", "last_ping", "last_start", "armed_from", "status_since", "acknowledged",
  "deadline"}

-- When somebody last had to do with a check, ms.
local function last_touch(prefix, id)
  local key, newest = check_key(prefix, id), 0
  for _, at in ipairs(redis.call("HMGET", key, unpack(IDLE_TIMES))) do
    newest = math.max(newest, tonumber(at or "") or 0)
  end
  -- Starts and pings that are only recorded stand in the log alone; it keeps one entry at least.
  local ping = redis.call("LINDEX", log_key(prefix, id), 0)
  if ping then
    local high, low = struct.unpack(">I2I4", ping, 9)
    newest = math.max(newest, high * 4294967296 + low)
  end
  return newest
end

-- Whether nobody has been in an account since `before` (ms), nothing else opens it or shows it to others, and it has
-- no checks but `leaving` that go.
local function is_deserted(prefix, user, before, leaving)
  local is = redis.call("HMGET", user_key(prefix, user), "user_slug", "created_at", "seen_at", "telegram_id", "renaming")
  if not is[1] or tonumber(is[2]) >= tonumber(before) then return false end
  if not is[3] or tonumber(is[3]) >= tonumber(before) or is[4] or is[5] then return false end
  return redis.call("ZCARD", user_checks_key(prefix, user)) == tonumber(leaving)
    and redis.call("HLEN", page_slugs_key(prefix, user)) == 0
    and redis.call("EXISTS", user_chore_key(prefix, user)) == 0
end
