-- flapping: counts changes between up and down; `flap` is {window ms, threshold or 0 for never, suppression ms}, as
-- numbers or their digits: most pings change nothing, so they need not be read for each.
local function count_changes(prefix, check, now, flap, threshold)
  local window = tonumber(flap.window)
  local count, settled_at = 0, tonumber(check.settled_at) or 0
  for _, entry in ipairs(redis.call("LRANGE", flips_key(prefix, check.id), 0, threshold - 1)) do
    local at, from, to = string.match(entry, "^(%d+)|(%l+)|(%l+)|")
    local counts = (from == "up" and to == "down") or (from == "down" and to == "up")
    -- Behind a flip from paused or new lies nothing that still counts, nor before it settled: a calm lasts at least
    -- 1 s, so what happened in the millisecond of the settling came after it.
    if not counts or now - tonumber(at) > window or tonumber(at) < settled_at then break end
    count = count + 1
  end
  return count
end

-- After a change of status to up or down: it prolongs the flapping, or begins it. Returns whether it began.
local function note_change(prefix, check, now, flap)
  local begins = check.flapping_until == ""
  if begins then
    local threshold = tonumber(flap.threshold)
    if threshold == 0 or count_changes(prefix, check, now, flap, threshold) < threshold then return false end
    check.flip_count = whole(threshold)
  else
    check.flip_count = whole((tonumber(check.flip_count) or 0) + 1)
  end
  check.flapping_until = whole(now + tonumber(flap.suppression))
  redis.call("ZADD", flapping_key(prefix), check.flapping_until, check.id)
  return begins
end

local function stop_flapping(prefix, check)
  check.flapping_until, check.flip_count = "", ""
  redis.call("ZREM", flapping_key(prefix), check.id)
end
