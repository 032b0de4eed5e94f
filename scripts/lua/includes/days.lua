-- days: adds a stretch of one status to the buckets "<UTC day number>:<status>" (ms), which uptime is read from where the
-- kept flips no longer reach. Of a stretch that was not a pause, what lay in a gap goes to "<UTC day number>:blind".
local DAY = 86400000
local DAYS_KEPT = 100
-- As ttr/domain/gaps.py has it.
local BLIND_AFTER = 2000

-- The gaps that touch a stretch, oldest first, each {from, to}; they don't overlap. A silence that no look has ended yet
-- is one already: it will begin at the same tick.
local function gaps_in(prefix, from, till, now)
  local key, found = gaps_key(prefix), {}
  local ended = redis.call("ZRANGE", key, "(" .. whole(from), whole(till), "BYSCORE", "LIMIT", 0, 2000)
  local behind = redis.call("ZRANGE", key, "(" .. whole(till), "+inf", "BYSCORE", "LIMIT", 0, 1)
  for _, entries in ipairs({ended, behind}) do
    for _, entry in ipairs(entries) do
      local a, b = string.match(entry, "(%d+):(%d+)")
      found[#found + 1] = {tonumber(a), tonumber(b)}
    end
  end
  local tick = tonumber(redis.call("HGET", clock_key(prefix), "tick") or "")
  if tick and now - tick > BLIND_AFTER then found[#found + 1] = {tick, now} end
  return found
end

local function add_to_days(key, name, from, till)
  while from < till do
    local day = math.floor(from / DAY)
    local stop = math.min(till, (day + 1) * DAY)
    redis.call("HINCRBY", key, whole(day) .. ":" .. name, whole(stop - from))
    if stop == (day + 1) * DAY then
      local old = whole(day + 1 - DAYS_KEPT) .. ":"
      redis.call("HDEL", key, old .. "new", old .. "up", old .. "down", old .. "paused", old .. "blind")
    end
    from = stop
  end
end

-- Stretches come in their order, each when its flip leaves the list: by then every gap inside it is known.
local function add_time(prefix, id, status, from, till, now)
  local key, oldest = days_key(prefix, id), now - DAYS_KEPT * DAY
  if from < oldest then
    redis.call("DEL", key)
    from = oldest
  end
  for _, gap in ipairs(status == "paused" and {} or gaps_in(prefix, from, till, now)) do
    local start, stop = math.max(gap[1], from), math.min(gap[2], till)
    if start < stop then
      add_to_days(key, status, from, start)
      add_to_days(key, "blind", start, stop)
      from = stop
    end
  end
  add_to_days(key, status, from, till)
end
