-- outcome: what a failure and a success do to a check; every decision to alert is taken here.
local function fail(prefix, check, now, reason, detail, overdue_ms)
  if check.status == "paused" then
    check.resume_status = "down"
    return
  end
  check.failure_count = whole((tonumber(check.failure_count) or 0) + 1)
  if check.status ~= "down" then flip(prefix, check, "down", reason, detail, now) end
  local needed = math.max(1, tonumber(check.notify_after_failures) or 1)
  if check.alerted ~= "1" and tonumber(check.failure_count) >= needed then
    check.alerted = "1"
    check.due, check.unarmed = "", ""
    emit(prefix, check, "down", now, reason, detail, overdue_ms, check.status_since)
  end
end

local function succeed(prefix, check, now)
  if check.status == "paused" then
    check.resume_status = "up"
    return
  end
  local told, since = check.alerted == "1", check.status_since
  check.alerted, check.failure_count = "", "0"
  if check.status ~= "up" then flip(prefix, check, "up", "", "", now) end
  if told and check.notify_on_up == "1" then emit(prefix, check, "up", now, "", "", "", since) end
end
