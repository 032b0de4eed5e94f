-- listing: the form of the entries that lists are read from, for the scripts that keep them and the one that reads them.
-- Members are numbers of ten digits, so that equal values go by number.
local STATUSES = {"down", "new", "up", "paused"} -- as they are sorted
local STATUS_RANKS = {down = 0, new = 1, up = 2, paused = 3}
local STATUS_STEP = 8796093022208 -- 2^43 ms: till the year 2248 a time is less
local SEARCH_BLOCK = 16 -- the longest lines make one of 140 KB

local function ordered(id) return string.format("%010d", tonumber(id)) end

-- The scores of the checks of a status lie from the first number on and below the second; nil for what is no status.
local function status_range(status)
  local rank = STATUS_RANKS[status]
  if rank then return rank * STATUS_STEP, (rank + 1) * STATUS_STEP end
end

local function status_of(score) return STATUSES[math.floor(tonumber(score) / STATUS_STEP) + 1] end

-- What scores of checks that are down are below.
local function end_of_down() return STATUS_STEP end

-- The number of the block of search lines that holds a check's.
local function block_of(id) return math.floor(tonumber(id) / SEARCH_BLOCK) end
