-- flip: changes a check's status and keeps the change as "at|from|to|ms in the old status|reason|detail"; keeps the
-- account's checks that are down in step.
local FLIPS_KEPT = 200

local function flip(prefix, check, to, reason, detail, now)
  add_time(prefix, check, now)
  local lasted = whole(math.max(0, now - tonumber(check.status_since)))
  local entry = table.concat({whole(now), check.status, to, lasted, reason, detail}, "|")
  redis.call("LPUSH", flips_key(prefix, check.id), entry)
  redis.call("LTRIM", flips_key(prefix, check.id), 0, FLIPS_KEPT - 1)
  if to == "down" then
    redis.call("ZADD", user_down_key(prefix, check.user_id), whole(now), check.id)
  elseif check.status == "down" then
    redis.call("ZREM", user_down_key(prefix, check.user_id), check.id)
  end
  check.status, check.reason, check.reason_detail = to, reason, detail
  check.status_since, check.missed_due = whole(now), ""
end
