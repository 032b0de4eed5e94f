#!lua
-- arm: gives a check that missed a run its next due time, unless something else has moved it meanwhile.
-- KEYS[1] the partition's prefix
-- ARGV[1] check id  [2] leased deadline ms that overdue.lua answered  [3] revision  [4] next due ms or ""
-- returns 1 armed | 0 nothing to do
---@include keys whole state runs arm
local prefix = KEYS[1]
local check = read_check(prefix, ARGV[1])
if not check or check.unarmed ~= "1" or check.deadline ~= ARGV[2] or check.revision ~= ARGV[3] then return 0 end
check.unarmed = ""
check.due = ARGV[4]
arm(prefix, check)
write_check(prefix, check)
return 1
