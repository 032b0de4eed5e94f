-- outcome: what a failure, a success and calm do to a check; every decision to alert is taken here.

-- What is known of the newest failure of a check that is down.
local function known_facts(prefix, check, now)
  local missed = tonumber(check.missed_due)
  return {reason = check.reason, detail = check.reason_detail, down_since = check.status_since,
    overdue_ms = missed and whole(math.max(0, now - missed)), output = newest_output(prefix, check)}
end

-- Announces a failure; while the check flaps, it only counts as announced.
local function tell_down(prefix, check, now, facts)
  check.alerted = "1"
  check.due, check.unarmed = "", ""
  if check.flapping_until ~= "" then return end
  facts.down_since = check.status_since
  facts.output = facts.output or newest_output(prefix, check)
  emit(prefix, check, "down", now, facts)
  set_reminder(prefix, check, now)
end

local function tell_flapping(prefix, check, now, facts)
  facts.status, facts.flips = check.status, check.flip_count
  facts.output = facts.output or newest_output(prefix, check)
  emit(prefix, check, "flapping", now, facts)
end

-- What jobs said during a pause, in case it is taken back: whether a success came, and the failures since.
local function note_in_pause(check, facts)
  local said = {success = true, failures = 0}
  if facts then
    said = check.in_pause ~= "" and cjson.decode(check.in_pause) or {success = false, failures = 0}
    said.failures, said.reason, said.detail = said.failures + 1, facts.reason, facts.detail
  end
  check.in_pause = cjson.encode(said)
end

-- `facts` has reason, detail, overdue_ms for a run that did not come, output for a ping, and `last` when no run is
-- expected after this one: then nothing else could reach the threshold.
local function fail(prefix, check, now, flap, facts)
  if check.status == "paused" then
    check.resume_status = "down"
    note_in_pause(check, facts)
    return
  end
  check.failure_count = whole((tonumber(check.failure_count) or 0) + 1)
  local begins = false
  if check.status ~= "down" then
    flip(prefix, check, "down", facts.reason, facts.detail, now)
    begins = note_change(prefix, check, now, flap)
  end
  check.reason, check.reason_detail = facts.reason, facts.detail
  check.missed_due = facts.overdue_ms and check.due or ""
  local needed = math.max(1, tonumber(check.notify_after_failures) or 1)
  if check.alerted ~= "1" and (facts.last or tonumber(check.failure_count) >= needed) then
    tell_down(prefix, check, now, facts)
  end
  if begins then
    facts.down_since = check.status_since
    tell_flapping(prefix, check, now, facts)
  end
end

local function succeed(prefix, check, now, flap, output)
  if check.status == "paused" then
    check.resume_status = "up"
    note_in_pause(check)
    return
  end
  local was, told = check.status, check.alerted == "1"
  local since = told and check.status_since or ""
  check.alerted, check.failure_count, check.acknowledged, check.reminders = "", "0", "", ""
  if was ~= "up" then flip(prefix, check, "up", "", "", now) end
  if told then set_reminder(prefix, check, now) end
  if was == "down" and note_change(prefix, check, now, flap) then
    tell_flapping(prefix, check, now, {output = output})
  elseif told and check.flapping_until == "" and check.notify_on_up == "1" then
    emit(prefix, check, "up", now, {down_since = since})
  end
end

-- A flapping check has kept its status for long enough: announces which. Being told so, a down one is not told again.
local function settle(prefix, check, now)
  local facts = {}
  local flips = check.flip_count
  stop_flapping(prefix, check)
  check.settled_at = whole(now)
  if check.status == "down" then
    check.alerted = "1"
    check.due, check.unarmed = "", ""
    arm(prefix, check)
    set_reminder(prefix, check, now)
    facts = known_facts(prefix, check, now)
  end
  facts.status, facts.flips = check.status, flips
  emit(prefix, check, "settled", now, facts)
end
