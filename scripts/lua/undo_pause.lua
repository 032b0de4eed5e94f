#!lua
-- undo_pause: gives a check that was paused by mistake back as if it had not been: what was told stays told, what its
-- jobs said meanwhile counts now, and a deadline that has passed is found by the next look. Of what jobs said, the last
-- success and the failures after it count; failures before it were over already, and are told to nobody.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id  [3] now ms  [4] revision the caller read  [5] last ping the caller read or ""
-- ARGV[6] due ms counted from the last ping or ""  [7] due ms counted from now or ""
-- ARGV[8] origin: id of the request, for the log
-- returns 1 done | 0 it is not paused | -1 no such check | -2 stale, read again
---@include keys mark changed whole history listing index state runs arm days flip reminders event output flapping outcome paused
local prefix, now = KEYS[1], tonumber(ARGV[3])
set_origin(ARGV[8])
local check = read_check(prefix, ARGV[2])
if not check or check.user_id ~= ARGV[1] then return -1 end
if check.status ~= "paused" then return 0 end
if check.revision ~= ARGV[4] or check.last_ping ~= ARGV[5] then return -2 end

-- Of a pause by an older version only this is known: it counts as one whose schedule was edited.
local was = {status = check.resume_status ~= "" and check.resume_status or "new",
  reason = "", detail = "", missed_due = "", acknowledged = "", reminders = "", remind_at = "", due = "", deadline = "",
  unarmed = "", flapping_until = "", flip_count = "", calm = 0}
if check.before_pause ~= "" then was = cjson.decode(check.before_pause) end
local said = check.in_pause ~= "" and cjson.decode(check.in_pause) or {success = false, failures = 0}
local pinged, edited = said.success or said.failures > 0, was.timing ~= timing_of(prefix, check)
local paused_at = tonumber(check.status_since)

flip(prefix, check, was.status, was.reason, was.detail, now)
check.resume_status, check.before_pause, check.in_pause = "", "", ""
check.missed_due, check.acknowledged, check.reminders = was.missed_due, was.acknowledged, was.reminders
check.flapping_until, check.flip_count = was.flapping_until, was.flip_count
if was.status ~= "down" then check.alerted, check.failure_count = "", "0" end
if was.flapping_until ~= "" then redis.call("ZADD", flapping_key(prefix), was.flapping_until, check.id) end
if may_remind(check) then
  if was.remind_at ~= "" and was.remind_every == check.remind_every_minutes then
    redis.call("ZADD", reminders_key(prefix), was.remind_at, check.id)
  else
    set_reminder(prefix, check, now)
  end
end

-- No flapping can begin here, for changes before a pause count no more. What flapped then is prolonged by as much
-- as its last change did.
local flap = {window = 0, threshold = 0, suppression = was.calm}
if said.success then succeed(prefix, check, now, flap) end
if said.failures > 0 then
  check.failure_count = whole((tonumber(check.failure_count) or 0) + said.failures - 1)
  local last = ARGV[6] == "" and not held_since(check)
  fail(prefix, check, now, flap, {reason = said.reason, detail = said.detail, last = last})
end

check.due, check.unarmed = was.due, was.unarmed
if pinged or edited then check.due, check.unarmed = ARGV[6], "" end
if check.status == "down" and check.alerted == "1" then check.due, check.unarmed = "", "" end
arm(prefix, check)

local function move_to(deadline)
  check.deadline, check.armed = whole(deadline), whole(deadline)
  redis.call("ZADD", deadlines_key(prefix), check.deadline, check.id)
end

-- A deadline that lay in a time we were blind is moved by it, as overdue.lua would have done. Once moved it lies behind.
local function move_past_gaps()
  local gaps = redis.call("ZRANGE", gaps_key(prefix), "+inf", "-inf", "BYSCORE", "REV", "LIMIT", 0, 20)
  for i = #gaps, 1, -1 do
    local from, to = string.match(gaps[i], "(%d+):(%d+)")
    from, to = tonumber(from), tonumber(to)
    local deadline = tonumber(check.deadline)
    if deadline and from < deadline and deadline <= to then
      local runs = read_runs(check)
      for _, run in ipairs(runs) do
        if run.hold > 0 then run.hold = run.hold + to - from end
      end
      write_runs(check, runs)
      move_to(deadline + to - from)
    end
  end
end

-- A start during the pause that came in time holds the deadline, as it would have done.
local function hold_started()
  if check.max_runtime_seconds == "" then return end
  local runs = read_runs(check)
  for _, run in ipairs(runs) do
    local deadline = tonumber(check.deadline)
    if run.hold == 0 and run.started >= paused_at and deadline and run.started < deadline then
      run.hold = run.started
      write_runs(check, runs)
      arm(prefix, check)
    end
  end
end

if check.unarmed == "1" then
  move_to(now) -- the next look works out its due time
elseif edited then
  arm_if_past(prefix, check, now, ARGV[7])
else
  if not pinged and was.deadline ~= "" then move_to(tonumber(was.deadline)) end
  move_past_gaps()
  hold_started()
  move_past_gaps()
end
write_check(prefix, check)
return 1
