#!lua flags=no-writes
-- find_numbers: the checks of a partition whose numbers lie in a range, newest first. All numbers come from one counter,
-- so a list of every account's checks needs no index.
-- KEYS[1] the partition's prefix
-- ARGV[1] the highest number  [2] how many numbers, at most 500
-- returns {number, ...}
---@include keys whole
local found = {}

-- Halves the range as long as anything is in it: of 200 numbers that are gone one call tells, in 30 us.
local function look(highest, lowest)
  local names = {}
  for number = highest, lowest, -1 do names[#names + 1] = check_key(KEYS[1], whole(number)) end
  if redis.call("EXISTS", unpack(names)) == 0 then return end
  if highest == lowest then
    found[#found + 1] = whole(highest)
    return
  end
  local middle = math.floor((highest + lowest) / 2)
  look(highest, middle + 1)
  look(middle, lowest)
end

local highest = tonumber(ARGV[1])
local lowest = math.max(1, highest - tonumber(ARGV[2]) + 1)
if highest >= lowest then look(highest, lowest) end
return found
