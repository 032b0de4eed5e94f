#!lua
-- acknowledge: somebody knows that a check is down: no more reminders of this failure.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] check id  [3] since when it is down, ms, or "" for whatever failure there is  [4] now ms
-- returns 1 done, now or before | 0 it is not down, or not since then | -1 no such check
---@include keys mark changed whole listing index state reminders
local prefix = KEYS[1]
local check = read_check(prefix, ARGV[2])
if not check or check.user_id ~= ARGV[1] then return -1 end
if check.status ~= "down" or (ARGV[3] ~= "" and ARGV[3] ~= check.status_since) then return 0 end
if check.acknowledged == "" then
  check.acknowledged = ARGV[4]
  set_reminder(prefix, check, tonumber(ARGV[4]))
  write_check(prefix, check)
end
return 1
