-- index: the sorted sets that lists of an account's checks are read from, their search lines, and counters for means.
-- The form of members and scores is in listing.lua; empty values are infinite.
local function score_of(value) return value == "" and "+inf" or value end

-- From when the check is late, or "" while it can't be: a run that holds its deadline is not late.
local function late_from(check)
  if (check.status ~= "new" and check.status ~= "up") or check.due == "" or check.deadline == "" then return "" end
  if check.runs ~= "" and check.max_runtime_seconds ~= "" then return "" end
  return check.due
end

local function status_score(check)
  local _, beyond = status_range(check.status)
  return whole(beyond - 1 - tonumber(check.status_since))
end

-- Whether the account's sums hold the check: while reindex.lua is at work, up to a number.
local function is_counted(prefix, user, id)
  local to = redis.call("HGET", user_key(prefix, user), "reindexed_to")
  return not to or tonumber(id) <= tonumber(to)
end

-- Follows a change of the check's state; only what has changed is written.
local function index_state(prefix, check)
  local before, user, member = check.before, check.user_id, ordered(check.id)
  if check.deadline ~= before.deadline then
    redis.call("ZADD", by_deadline_key(prefix, user), score_of(check.deadline), member)
  end
  if check.last_ping ~= before.last_ping then
    redis.call("ZADD", by_last_ping_key(prefix, user), score_of(check.last_ping), member)
  end
  if check.last_duration_ms ~= before.last_duration_ms then
    redis.call("ZADD", by_last_duration_key(prefix, user), score_of(check.last_duration_ms), member)
    if is_counted(prefix, user, check.id) then
      local change = tonumber(check.last_duration_ms) - (tonumber(before.last_duration_ms) or 0)
      redis.call("HINCRBY", user_key(prefix, user), "duration_sum", whole(change))
      if before.last_duration_ms == "" then redis.call("HINCRBY", user_key(prefix, user), "duration_count", 1) end
    end
  end
  -- A ping that has not set the time has not read it either.
  local moved = rawget(check, "status_since")
  if check.status ~= before.status or (moved and moved ~= before.status_since) then
    redis.call("ZADD", by_status_key(prefix, user), status_score(check), member)
  end
  local from = late_from(check)
  if from ~= late_from(before) then
    if from == "" then
      redis.call("ZREM", by_due_key(prefix, user), member)
    else
      redis.call("ZADD", by_due_key(prefix, user), from, member)
    end
  end
  if (check.runs == "") ~= (before.runs == "") then
    if check.runs == "" then
      redis.call("SREM", running_key(prefix, user), member)
    else
      redis.call("SADD", running_key(prefix, user), member)
    end
  end
end

-- What of a check's settings the lists go by.
local function read_listed(prefix, id)
  local is = redis.call("HMGET", check_key(prefix, id), "name", "folded", "slug", "tags", "folded_tags",
    "schedule_type", "interval_seconds", "uuid")
  local names = {}
  for i, tag in ipairs(cjson.decode(is[4] or "[]")) do names[i] = tag[2] end
  local name = is[2] and is[2] ~= "" and is[2] or is[1]
  local tags = is[5] and is[5] ~= "" and is[5] or table.concat(names, ",")
  return {
    entry = name .. "\0" .. ordered(id),
    line = id .. "\t" .. name .. "\t" .. (is[3] or "") .. "\t" .. tags .. "\n",
    interval = is[6] == "interval" and tonumber(is[7]) or nil,
    uuid_score = whole(tonumber(string.sub(is[8], 1, 8) .. string.sub(is[8], 10, 13), 16)),
  }
end

-- Replaces the check's line in its block of the search texts; "" takes it out.
local function set_line(prefix, user, id, line)
  local key, block = search_key(prefix, user), whole(block_of(id))
  local text = "\n" .. (redis.call("HGET", key, block) or "")
  local head, tail = text, ""
  local from = string.find(text, "\n" .. id .. "\t", 1, true)
  if from then
    head, tail = string.sub(text, 1, from), string.sub(text, string.find(text, "\n", from + 1, true) + 1)
  end
  text = string.sub(head .. line .. tail, 2)
  if text == "" then
    redis.call("HDEL", key, block)
  else
    redis.call("HSET", key, block, text)
  end
end

local function count_interval(prefix, user, id, interval, sign)
  if not interval or not is_counted(prefix, user, id) then return end
  redis.call("HINCRBY", user_key(prefix, user), "interval_count", sign)
  redis.call("HINCRBY", user_key(prefix, user), "interval_sum", whole(sign * interval))
end

-- Follows a change of the check's settings: `was` and `is` are what read_listed said before and after.
local function index_settings(prefix, check, was, is)
  local user = check.user_id
  if is.entry ~= was.entry then
    redis.call("ZREM", by_name_key(prefix, user), was.entry)
    redis.call("ZADD", by_name_key(prefix, user), 0, is.entry)
  end
  if is.line ~= was.line then set_line(prefix, user, check.id, is.line) end
  if is.interval ~= was.interval then
    count_interval(prefix, user, check.id, was.interval, -1)
    count_interval(prefix, user, check.id, is.interval, 1)
  end
end

-- Enters a check everywhere. What is kept as a set may be there already; of the counters it must not be part.
local function index_check(prefix, check)
  local user, member, is = check.user_id, ordered(check.id), read_listed(prefix, check.id)
  redis.call("ZADD", by_name_key(prefix, user), 0, is.entry)
  redis.call("ZADD", by_uuid_key(prefix, user), is.uuid_score, member)
  redis.call("ZADD", by_deadline_key(prefix, user), score_of(check.deadline), member)
  redis.call("ZADD", by_last_ping_key(prefix, user), score_of(check.last_ping), member)
  redis.call("ZADD", by_last_duration_key(prefix, user), score_of(check.last_duration_ms), member)
  redis.call("ZADD", by_status_key(prefix, user), status_score(check), member)
  local from = late_from(check)
  if from ~= "" then redis.call("ZADD", by_due_key(prefix, user), from, member) end
  if check.runs ~= "" then redis.call("SADD", running_key(prefix, user), member) end
  set_line(prefix, user, check.id, is.line)
  count_interval(prefix, user, check.id, is.interval, 1)
  if check.last_duration_ms ~= "" and is_counted(prefix, user, check.id) then
    redis.call("HINCRBY", user_key(prefix, user), "duration_count", 1)
    redis.call("HINCRBY", user_key(prefix, user), "duration_sum", check.last_duration_ms)
  end
end

local function unindex_check(prefix, check)
  local user, member, was = check.user_id, ordered(check.id), read_listed(prefix, check.id)
  redis.call("ZREM", by_name_key(prefix, user), was.entry)
  redis.call("ZREM", by_uuid_key(prefix, user), member)
  redis.call("ZREM", by_deadline_key(prefix, user), member)
  redis.call("ZREM", by_last_ping_key(prefix, user), member)
  redis.call("ZREM", by_last_duration_key(prefix, user), member)
  redis.call("ZREM", by_status_key(prefix, user), member)
  redis.call("ZREM", by_due_key(prefix, user), member)
  redis.call("SREM", running_key(prefix, user), member)
  set_line(prefix, user, check.id, "")
  count_interval(prefix, user, check.id, was.interval, -1)
  if check.last_duration_ms ~= "" and is_counted(prefix, user, check.id) then
    redis.call("HINCRBY", user_key(prefix, user), "duration_count", -1)
    redis.call("HINCRBY", user_key(prefix, user), "duration_sum", whole(0 - tonumber(check.last_duration_ms)))
  end
end
