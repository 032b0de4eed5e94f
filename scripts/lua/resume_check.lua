#!lua
-- resume_check: arms a paused check from now, with a clean slate: one that was down starts as new, so that
-- going on being silent is told again. Runs that started during the pause don't hold the deadline.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id  [3] now ms  [4] revision the caller read  [5] due ms counted from now or ""
-- returns 1 resumed | 0 it was not paused | -1 no such check | -2 stale, read again
---@include keys mark changed whole history listing index state runs arm days flip
local prefix = KEYS[1]
local check = read_check(prefix, ARGV[2])
if not check or check.user_id ~= ARGV[1] then return -1 end
if check.status ~= "paused" then return 0 end
if check.revision ~= ARGV[4] then return -2 end
flip(prefix, check, check.resume_status == "up" and "up" or "new", "", "", tonumber(ARGV[3]))
check.resume_status, check.alerted, check.failure_count = "", "", "0"
check.before_pause, check.in_pause = "", ""
local runs = read_runs(check)
for _, run in ipairs(runs) do run.hold = 0 end
write_runs(check, runs)
check.due, check.armed_from = ARGV[5], ARGV[3]
arm(prefix, check)
write_check(prefix, check)
return 1
