-- flip: changes a check's status and keeps the change as "at|from|to|ms in the old status|reason|detail". Only the newest
-- entry's number is kept: they lie in order without a hole.
local FLIPS_KEPT = 200

local function flip(prefix, check, to, reason, detail, now)
  add_time(prefix, check, now)
  local lasted = whole(math.max(0, now - tonumber(check.status_since)))
  local entry = table.concat({whole(now), check.status, to, lasted, reason, detail}, "|")
  redis.call("LPUSH", flips_key(prefix, check.id), entry)
  redis.call("LTRIM", flips_key(prefix, check.id), 0, FLIPS_KEPT - 1)
  redis.call("HINCRBY", check_key(prefix, check.id), "flip_number", 1)
  check.status, check.reason, check.reason_detail = to, reason, detail
  check.status_since, check.missed_due = whole(now), ""
end
