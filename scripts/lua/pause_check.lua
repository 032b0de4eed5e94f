#!lua
-- pause_check: lets a check only record; it keeps what it would resume to. Reminders and flapping end silently.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id  [3] now ms
-- returns 1 paused | 0 it was already | -1 no such check
---@include keys mark changed whole history listing index state runs arm days flip reminders flapping paused
local prefix, now = KEYS[1], tonumber(ARGV[3])
local check = read_check(prefix, ARGV[2])
if not check or check.user_id ~= ARGV[1] then return -1 end
if check.status == "paused" then return 0 end
keep_before_pause(prefix, check)
check.resume_status = check.status
flip(prefix, check, "paused", "", "", now)
check.due, check.unarmed, check.acknowledged, check.reminders = "", "", "", ""
stop_flapping(prefix, check)
set_reminder(prefix, check, now)
arm(prefix, check)
write_check(prefix, check)
return 1
