#!lua flags=no-writes
-- find_numbers: the checks of a partition whose numbers lie in a range, newest first. All numbers come from one counter,
-- so a list of every account's checks needs no index.
-- KEYS[1] the partition's prefix
-- ARGV[1] the highest number  [2] how many numbers, at most 500: each takes 0.5 us
-- returns {number, ...}
---@include keys whole
local found = {}
local highest = tonumber(ARGV[1])
for number = highest, math.max(1, highest - tonumber(ARGV[2]) + 1), -1 do
  local id = whole(number)
  if redis.call("EXISTS", check_key(KEYS[1], id)) == 1 then found[#found + 1] = id end
end
return found
