-- flip: changes a check's status and keeps the change as "at|from|to|ms in the old status|reason|detail". Only the newest
-- entry's number is kept: they lie in order without a hole. The time before a change that is kept no longer goes to its days.
local FLIPS_KEPT = 200

local function flip(prefix, check, to, reason, detail, now)
  local key = flips_key(prefix, check.id)
  local lasted = whole(math.max(0, now - tonumber(check.status_since)))
  local entry = table.concat({whole(now), check.status, to, lasted, reason, detail}, "|")
  if redis.call("LPUSH", key, entry) > FLIPS_KEPT then
    local at, status, ms = string.match(redis.call("RPOP", key), "^(%d+)|(%l+)|%l+|(%d+)|")
    add_time(prefix, check.id, status, tonumber(at) - tonumber(ms), tonumber(at), now)
  end
  local number = redis.call("HINCRBY", check_key(prefix, check.id), "flip_number", 1)
  archive(prefix, "f" .. check.id .. ":" .. whole(number) .. ":" .. entry)
  check.status, check.reason, check.reason_detail = to, reason, detail
  check.status_since, check.missed_due = whole(now), ""
end
