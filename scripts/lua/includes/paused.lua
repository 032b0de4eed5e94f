-- paused: what a check was when it was paused, so that a pause by mistake can be taken back (undo_pause.lua).

-- What its due time is worked out from; after an edit of it the kept one means nothing.
local function timing_of(prefix, check)
  local schedule = redis.call("HMGET", check_key(prefix, check.id), "schedule_type", "schedule", "tz", "interval_seconds")
  local parts = {check.grace_seconds, check.max_runtime_seconds}
  for i = 1, 4 do parts[#parts + 1] = schedule[i] or "" end
  return redis.sha1hex(table.concat(parts, "|"))
end

-- How much calm ends its flapping: as long as its last change put the end off.
local function calm_of(prefix, check)
  if check.flapping_until == "" then return 0 end
  for _, entry in ipairs(redis.call("LRANGE", flips_key(prefix, check.id), 0, 199)) do
    local at, from, to = string.match(entry, "^(%d+)|(%l+)|(%l+)|")
    if (from == "up" and to == "down") or (from == "down" and to == "up") then
      return tonumber(check.flapping_until) - tonumber(at)
    end
  end
  return 0
end

-- failure_count, alerted and the runs stay where they are during a pause.
local function keep_before_pause(prefix, check)
  check.in_pause = ""
  check.before_pause = cjson.encode({status = check.status, reason = check.reason,
    detail = check.reason_detail, missed_due = check.missed_due, acknowledged = check.acknowledged,
    reminders = check.reminders, remind_at = redis.call("ZSCORE", reminders_key(prefix), check.id) or "",
    remind_every = check.remind_every_minutes, due = check.due, deadline = check.deadline, unarmed = check.unarmed,
    flapping_until = check.flapping_until, flip_count = check.flip_count, calm = calm_of(prefix, check),
    timing = timing_of(prefix, check)})
end
