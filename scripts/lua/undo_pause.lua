#!lua
-- undo_pause: gives a check that was paused by mistake the status it had. What was told stays told, so a failure is not
-- announced again and its end is; everything else is armed as before, or from now if that has passed.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id  [3] now ms  [4] revision the caller read  [5] last ping the caller read or ""
-- ARGV[6] due ms counted from the last ping or ""  [7] due ms counted from now or ""
-- ARGV[8] status before: new, up or down  [9] its reason or ""  [10] the reason's detail or ""
-- ARGV[11] "1" if its reminders were ended
-- returns 1 done | 0 it is not paused | -1 no such check | -2 stale, read again
---@include keys whole index state runs arm days flip reminders
local prefix, now = KEYS[1], tonumber(ARGV[3])
local check = read_check(prefix, ARGV[2])
if not check or check.user_id ~= ARGV[1] then return -1 end
if check.status ~= "paused" then return 0 end
if check.revision ~= ARGV[4] or check.last_ping ~= ARGV[5] then return -2 end
local to = ARGV[8]
if to ~= "down" then to = check.resume_status == "up" and "up" or "new" end
flip(prefix, check, to, ARGV[9], ARGV[10], now)
check.resume_status = ""
if ARGV[11] == "1" then check.acknowledged = ARGV[3] end
local runs = read_runs(check)
for _, run in ipairs(runs) do run.hold = 0 end
write_runs(check, runs)
local told = check.status == "down" and check.alerted == "1"
check.due = told and "" or ARGV[6]
arm(prefix, check)
if check.deadline ~= "" and tonumber(check.deadline) <= now then
  check.due, check.armed_from = ARGV[7], ARGV[3]
  arm(prefix, check)
end
set_reminder(prefix, check, now)
write_check(prefix, check)
return 1
