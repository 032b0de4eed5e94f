-- days: adds the time since the last flip to the buckets "<UTC day number>:<status>" (ms) that uptime is read from.
local DAY = 86400000
local DAYS_KEPT = 100

local function add_time(prefix, check, now)
  local key = days_key(prefix, check.id)
  local from, oldest = tonumber(check.status_since), now - DAYS_KEPT * DAY
  if from < oldest then
    redis.call("DEL", key)
    from = oldest
  end
  while from < now do
    local day = math.floor(from / DAY)
    local till = math.min(now, (day + 1) * DAY)
    redis.call("HINCRBY", key, whole(day) .. ":" .. check.status, whole(till - from))
    if till == (day + 1) * DAY then
      local old = whole(day + 1 - DAYS_KEPT) .. ":"
      redis.call("HDEL", key, old .. "new", old .. "up", old .. "down", old .. "paused")
    end
    from = till
  end
end
