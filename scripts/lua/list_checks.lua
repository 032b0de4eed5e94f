#!lua flags=no-writes
-- list_checks: a page of an account's checks in the order of one of its indexes, and whether any lie behind its start.
-- Both are walks that begin strictly beyond a place: a value and a number, which need not be in the index any more.
-- What a narrow filter lets pass is gathered and ordered; with a wide one the index is walked, so many checks a call.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] the index: checks, name, uuid, deadline, last_ping, last_duration or status
-- ARGV[3] "1" descending; empty values come last all the same  [4] "1" | "-1" the way the page is walked
-- ARGV[5] most checks of it  [6] value of the place where it begins  [7] its number, or "" at the end of the list
-- ARGV[8] "1" to look the other way as well, else "0"  [9] value and  [10] number of the place where that begins
-- ARGV[11] tags, a JSON list of names  [12] "1" if one of them is enough  [13] statuses, a JSON list  [14] now ms
-- ARGV[15] words, a JSON list  [16] ids that find_checks found for them, a JSON list, or "" when too many
-- ARGV[17] most checks that are gathered
-- returns {account version, checks in all, page, other, sort value, hash as {field, value, ...}, ...}
-- page is "", or {value, number} of the place to go on from; so is other, or "1" when a check lies the other way
---@include keys whole listing
local WALKED_MOST = 1000 -- 2 ms
local BATCH_MOST = 250
local TEXT_MOST = 250000 -- bytes of lines that words are looked for in: 2 ms if they nearly match everywhere
local FETCH = 8 -- so many times faster is it to get a block, and the line in it
local INDEXES = {checks = user_checks_key, name = by_name_key, uuid = by_uuid_key, deadline = by_deadline_key,
  last_ping = by_last_ping_key, last_duration = by_last_duration_key, status = by_status_key}

local prefix, user, index, descending, now = KEYS[1], ARGV[1], ARGV[2], ARGV[3] == "1", tonumber(ARGV[14])
local tags, any_tag = cjson.decode(ARGV[11]), ARGV[12] == "1"
local statuses, words = cjson.decode(ARGV[13]), cjson.decode(ARGV[15])
local index_key, status_key, late_key = INDEXES[index](prefix, user), by_status_key(prefix, user), by_due_key(prefix, user)
local open_key, lines_key = running_key(prefix, user), search_key(prefix, user)
local size = redis.call("ZCARD", index_key)
local filled = size - (descending and redis.call("ZCOUNT", index_key, "+inf", "+inf") or 0)

local function id_of(member) return string.match(string.sub(member, -10), "[1-9]%d*") end
local function value_of(member)
  return index == "name" and string.sub(member, 1, -12) or redis.call("ZSCORE", index_key, member)
end

-- Positions count from 0 in the order asked for. Descending, that is the index from its end, its empties moved behind.
local function members(from, count)
  if not descending then return redis.call("ZRANGE", index_key, from, from + count - 1) end
  local list = {}
  local function add(first, some)
    if some == 0 then return end
    for _, member in ipairs(redis.call("ZRANGE", index_key, first, first + some - 1, "REV")) do list[#list + 1] = member end
  end
  local valued = math.max(0, math.min(count, filled - from))
  add(size - filled + from, valued)
  add(from + valued - filled, count - valued)
  return list
end

-- How many come before (value, number) in the index's own order.
local function rank_of(value, number)
  if index == "name" then return redis.call("ZLEXCOUNT", index_key, "-", "(" .. value .. "\0" .. ordered(number)) end
  local low = redis.call("ZCOUNT", index_key, "-inf", "(" .. value)
  local high = low + redis.call("ZCOUNT", index_key, value, value)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if tonumber(redis.call("ZRANGE", index_key, middle, middle)[1]) < number then low = middle + 1 else high = middle end
  end
  return low
end

-- How many positions lie before the place where a walk begins.
local function start_of(step, value, number)
  if number == "" then return step > 0 and 0 or size end
  local rank = rank_of(value, tonumber(number) + ((step > 0) ~= descending and 1 or 0))
  if not descending then return rank end
  return filled - rank + (index ~= "name" and value == "inf" and size or 0)
end

-- The set of a tag that no check carries does not exist, and lets none pass.
local tag_keys = {}
for i, name in ipairs(tags) do
  tag_keys[i] = tag_checks_key(prefix, user, redis.call("HGET", user_tags_key(prefix, user), name) or "")
end
local asked, ranges = {}, {}
for _, status in ipairs(statuses) do
  asked[status] = true
  local from, beyond = status_range(status)
  if from then ranges[#ranges + 1] = {status_key, whole(from), "(" .. whole(beyond)} end
end
if asked.late then ranges[#ranges + 1] = {late_key, "-inf", ARGV[14]} end

local blocks, text_room = {}, TEXT_MOST
local function lines_about(id)
  local number = block_of(id)
  if not blocks[number] then
    blocks[number] = "\n" .. (redis.call("HGET", lines_key, whole(number)) or "")
    text_room = text_room - #blocks[number] / FETCH
  end
  return blocks[number]
end

local function has_words(id)
  local block = lines_about(id)
  local _, tab = string.find(block, "\n" .. id .. "\t", 1, true)
  if not tab then return false end
  local line = string.sub(block, tab + 1, string.find(block, "\n", tab, true) - 1)
  for _, word in ipairs(words) do
    text_room = text_room - #line
    if not string.find(line, word, 1, true) then return false end
  end
  return true
end

-- Which of these members pass the filter, one part after the other: a set of their positions in the list. And how many
-- have been looked at, from that end of the list where the walk comes from: fewer than all once there is no room for text.
local function passing(list, step)
  local passes, left, names = {}, {}, {}
  for i, member in ipairs(list) do passes[i], left[i], names[i] = true, i, id_of(member) end
  local function keep(test)
    local kept = {}
    for j, i in ipairs(left) do
      passes[i] = test(j, i) or nil
      if passes[i] then kept[#kept + 1] = i end
    end
    left = kept
  end
  -- A tag is only asked about those that the ones before it have not decided on.
  local carries, open = {}, left
  for _, tag_key in ipairs(tag_keys) do
    if #open == 0 then break end
    local asked_about, still = {}, {}
    for j, i in ipairs(open) do asked_about[j] = names[i] end
    for j, carried in ipairs(redis.call("SMISMEMBER", tag_key, unpack(asked_about))) do
      local i = open[j]
      carries[i] = carried == 1
      if carries[i] ~= any_tag then still[#still + 1] = i end
    end
    open = still
  end
  if #tags > 0 then keep(function(_, i) return carries[i] end) end
  if #statuses > 0 and #left > 0 then
    local of_ten = {}
    for j, i in ipairs(left) do of_ten[j] = ordered(names[i]) end
    local scores = redis.call("ZMSCORE", status_key, unpack(of_ten))
    local due = asked.late and redis.call("ZMSCORE", late_key, unpack(of_ten)) or {}
    local running = asked.running and redis.call("SMISMEMBER", open_key, unpack(of_ten)) or {}
    keep(function(j)
      return scores[j] and asked[status_of(scores[j])]
        or due[j] and tonumber(due[j]) <= now or running[j] == 1
    end)
  end
  if #words > 0 then
    local first, last = 1, #left
    if step < 0 then first, last = #left, 1 end
    for j = first, last, step do
      local i = left[j]
      if text_room <= 0 then return passes, step > 0 and i - 1 or #list - i end
      passes[i] = has_words(names[i]) or nil
    end
  end
  return passes, #list
end

-- The ids that the narrowest part of the filter lets pass, if they are few; one may be there twice.
local function candidates()
  local gathered_most = tonumber(ARGV[17])
  local fewest, gather = gathered_most + 1, nil
  local function offer(count, part)
    if count < fewest then fewest, gather = count, part end
  end
  if ARGV[16] ~= "" then
    local found = cjson.decode(ARGV[16])
    offer(#found, function() return found end)
  end
  if #tags > 0 then
    local count = 0
    if any_tag then
      for _, tag_key in ipairs(tag_keys) do count = count + redis.call("SCARD", tag_key) end
    else
      local sets = {#tags, unpack(tag_keys)}
      sets[#sets + 1], sets[#sets + 2] = "LIMIT", gathered_most + 1
      count = redis.call("SINTERCARD", unpack(sets))
    end
    offer(count, function()
      if count == 0 then return {} end
      if any_tag then return redis.call("SUNION", unpack(tag_keys)) end
      return redis.call("SINTER", unpack(tag_keys))
    end)
  end
  if #statuses > 0 then
    local count = asked.running and redis.call("SCARD", open_key) or 0
    for _, range in ipairs(ranges) do count = count + redis.call("ZCOUNT", unpack(range)) end
    offer(count, function()
      local found = {}
      for i, member in ipairs(asked.running and redis.call("SINTER", open_key) or {}) do found[i] = id_of(member) end
      for _, range in ipairs(ranges) do
        local range_key, from, to = unpack(range)
        local part = redis.call("ZRANGE", range_key, from, to, "BYSCORE", "LIMIT", 0, gathered_most)
        for _, member in ipairs(part) do found[#found + 1] = id_of(member) end
      end
      return found
    end)
  end
  return gather and gather()
end

local function member_of(id)
  if index == "checks" then return id end
  if index ~= "name" then return ordered(id) end
  local name = redis.call("HMGET", check_key(prefix, id), "folded", "name")
  return (name[1] and name[1] ~= "" and name[1] or name[2] or "") .. "\0" .. ordered(id)
end

-- What is walked is the index, or of it only the candidates, when those are few.
local few, length = candidates(), size
if few then
  local positions, at = {}, {}
  for _, id in ipairs(few) do
    local member = member_of(id)
    local rank = redis.call("ZRANK", index_key, member)
    local position = rank and (descending and (filled - 1 - rank) % size or rank)
    if rank and not at[position] then positions[#positions + 1], at[position] = position, member end
  end
  table.sort(positions)
  local in_index = start_of
  start_of = function(...)
    local start, before = in_index(...), 0
    for i, position in ipairs(positions) do
      if position < start then before = i end
    end
    return before
  end
  members = function(from, count)
    local list = {}
    for i = 1, count do list[i] = at[positions[from + i]] end
    return list
  end
  length = #positions
end

-- Up to `most` members that pass, nearest first, and where to go on or "".
local room = WALKED_MOST
local function walk(step, most, value, number)
  local position, found, batch, on = start_of(step, value, number), {}, most, {value, number}
  local stop = step > 0 and length or 0
  while #found < most and position ~= stop and room > 0 do
    local count = math.min(batch, room, math.abs(stop - position))
    local list = members(math.min(position, position + step * count), count)
    local passes, looked = passing(list, step)
    local first, last = 1, looked
    if step < 0 then first, last = count, count - looked + 1 end
    for i = first, last, step do
      if passes[i] and #found < most then found[#found + 1] = list[i] end
    end
    if looked > 0 then on = {value_of(list[last]), id_of(list[last])} end
    position, batch = position + step * looked, math.min(2 * batch, BATCH_MOST)
    room = looked == count and room - count or 0
  end
  return found, #found < most and position ~= stop and on or ""
end

local answer = {redis.call("HGET", user_key(prefix, user), "version") or "0", redis.call("ZCARD", user_checks_key(prefix, user))}
local step = tonumber(ARGV[4])
local page, other
page, answer[3] = walk(step, tonumber(ARGV[5]), ARGV[6], ARGV[7])
other, answer[4] = walk(-step, tonumber(ARGV[8]), ARGV[9], ARGV[10])
if #other > 0 then answer[4] = "1" end
for _, member in ipairs(page) do
  answer[#answer + 1] = value_of(member)
  answer[#answer + 1] = redis.call("HGETALL", check_key(prefix, id_of(member)))
end
return answer
