#!lua
-- arm: gives a check that missed a run its next due time, unless something else has moved it meanwhile. When there
-- is none, no further run can reach the alert threshold: it is told at once.
-- KEYS[1] the partition's prefix
-- ARGV[1] check id  [2] leased deadline ms that overdue.lua answered  [3] revision  [4] next due ms or ""
-- ARGV[5] now ms  [6] origin: id of the look, for the log
-- returns 1 armed | 0 nothing to do
---@include keys mark changed whole history listing index state runs arm days flip reminders event output flapping outcome
local prefix, now = KEYS[1], tonumber(ARGV[5])
set_origin(ARGV[6])
local check = read_check(prefix, ARGV[1])
if not check or check.unarmed ~= "1" or check.deadline ~= ARGV[2] or check.revision ~= ARGV[3] then return 0 end
check.unarmed = ""
check.due = ARGV[4]
if check.due == "" then tell_down(prefix, check, now, known_facts(prefix, check, now)) end
arm(prefix, check)
write_check(prefix, check)
return 1
