#!lua flags=no-writes
-- find_checks: numbers of the checks that have each word in their name, slug or tags, as far as a call gets.
-- A check that changes meanwhile may be missing or named twice, and who lists them looks again.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] words, a JSON list, folded as the lines are  [3] cursor, "0" at first  [4] most numbers, and one
-- returns {cursor to go on from, "0" at the end, number, ...}, or {"many"} once it is plain that there are more
---@include keys
local BLOCKS_A_STEP = 25
local STEPS_MOST = 100 -- blocks can be as small as one line
local WORK_MOST = 1000000 -- bytes looked through, 1 ms
local WORK_A_LINE = 200
local NEAR = 100 -- bytes
local SAMPLE = 15 -- blocks with a find, so that checks which were made together don't stand for all
local MARGIN = 1.2
local words, cursor, most = cjson.decode(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local lines_key = search_key(KEYS[1], ARGV[1])
local answer, work, seen, hits = {}, 0, 0, 0
local blocks = redis.call("HLEN", lines_key)

local function has_words(line)
  work = work + WORK_A_LINE
  for _, word in ipairs(words) do
    if not string.find(line, word, 1, true) then return false end
  end
  return true
end

-- Where the line with this position begins. Most lines are short: it is sought from near by.
local function line_of(block, start, hit)
  local near = NEAR
  while hit - near > start do
    local gap = string.find(block, "\n", hit - near, true)
    if gap < hit then
      start = gap + 1
      break
    end
    near = 2 * near
  end
  local stop = string.find(block, "\n", start, true)
  while stop < hit do
    start = stop + 1
    stop = string.find(block, "\n", start, true)
  end
  return start, stop
end

-- Looks at the lines that have the word which comes last in the block; it may be in the line's number, too.
local function find_in(block)
  local rarest, hit, start = nil, 0, 1
  for _, word in ipairs(words) do
    local first = string.find(block, word, 1, true)
    if not first then return end
    if first > hit then rarest, hit = word, first end
  end
  while hit and #answer < most do
    local stop
    start, stop = line_of(block, start, hit)
    local tab = string.find(block, "\t", start, true)
    if has_words(string.sub(block, tab + 1, stop - 1)) then answer[#answer + 1] = string.sub(block, start, tab - 1) end
    start = stop + 1
    hit = string.find(block, rarest, start, true)
  end
end

for _ = 1, STEPS_MOST do
  local scanned = redis.call("HSCAN", lines_key, cursor, "COUNT", BLOCKS_A_STEP)
  cursor = scanned[1]
  for i = 2, #scanned[2], 2 do
    local before = #answer
    work, seen = work + #scanned[2][i], seen + 1
    find_in(scanned[2][i])
    if #answer > before then hits = hits + 1 end
  end
  if cursor == "0" or work > WORK_MOST or #answer >= most then break end
  if hits >= SAMPLE and #answer / seen * blocks > most * MARGIN then return {"many"} end
end
if #answer >= most then return {"many"} end
return {cursor, unpack(answer)}
