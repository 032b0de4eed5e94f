#!lua flags=no-writes
-- find_checks: numbers of the checks that have each word in their name, slug or tags, as far as a call gets.
-- A check that changes meanwhile may be missing or named twice, and who lists them looks again.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] words, a JSON list, folded as the lines are  [3] cursor, "0" at first  [4] most numbers, and one
-- A cursor is HSCAN's, and the blocks that are done of those which it leads to: a step can bring more than a call may do.
-- returns {cursor to go on from, "0" at the end, number, ...}, or {"many"} once it is plain that there are more
---@include keys
local BLOCKS_MOST = 2500 -- they can be as small as one line
local BLOCKS_A_STEP = 50
local WORK_MOST = 350000 -- bytes looked through for a word: up to 7 ns each, if they nearly match everywhere
local WORK_A_LINE = 100
local NEAR = 100 -- bytes
local SAMPLE = 30 -- blocks with a find, so that checks which were made together don't stand for all
local MARGIN = 1.2
local words, most = cjson.decode(ARGV[2]), tonumber(ARGV[4])
local scan, done = string.match(ARGV[3], "^%d+"), {}
for number in string.gmatch(ARGV[3], " (%d+)") do done[number] = true end
local lines_key = search_key(KEYS[1], ARGV[1])
local answer, work, seen, hits, longest = {}, 0, 0, 0, 0
local blocks = redis.call("HLEN", lines_key)

local function has_words(line)
  work = work + WORK_A_LINE
  for _, word in ipairs(words) do
    work = work + #line
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
    work = work + (first or #block)
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

-- So many blocks fit into what is left to look through, when they are as long as the longest so far.
local function blocks_a_step()
  if longest == 0 then return 1 end
  return math.max(1, math.min(BLOCKS_A_STEP, math.floor((WORK_MOST - work) / (longest * #words))))
end

repeat
  local scanned = redis.call("HSCAN", lines_key, scan, "COUNT", blocks_a_step())
  for i = 1, #scanned[2], 2 do
    local number, block = scanned[2][i], scanned[2][i + 1]
    if not done[number] then
      if seen > 0 and work + #block * #words > WORK_MOST then
        for other in pairs(done) do scan = scan .. " " .. other end
        return {scan, unpack(answer)}
      end
      local before = #answer
      done[number], seen, longest = true, seen + 1, math.max(longest, #block)
      find_in(block)
      if #answer >= most then return {"many"} end
      if #answer > before then hits = hits + 1 end
    end
  end
  if hits >= SAMPLE and #answer / seen * blocks > most * MARGIN then return {"many"} end
  scan, done = scanned[1], {}
until scan == "0" or work >= WORK_MOST or seen >= BLOCKS_MOST
return {scan, unpack(answer)}
