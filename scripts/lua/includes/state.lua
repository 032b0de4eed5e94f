-- state: a check as a table of strings ("" where a field is missing), and back, changed fields only. What was set lies in
-- the table itself; behind it, as `before`, what was read.
local CONFIG = {"user_id", "name", "slug", "tags", "description", "grace_seconds", "max_runtime_seconds",
  "notify_after_failures", "notify_on_up", "remind_every_minutes", "channels", "own_channels", "revision"}
local STATE = {"status", "resume_status", "status_since", "last_ping", "last_start", "last_duration_ms",
  "failure_count", "alerted", "due", "deadline", "unarmed", "runs", "ping_count", "event_count",
  "last_request", "body_bytes", "armed_from", "reason", "reason_detail", "acknowledged", "reminders",
  "flapping_until", "flip_count", "missed_due", "last_ping_number", "settled_at", "allowance",
  "before_pause", "in_pause"}
local FIELDS = {}
local IS_STATE = {}
for i = 1, #CONFIG do FIELDS[i] = CONFIG[i] end
for i = 1, #STATE do FIELDS[#CONFIG + i], IS_STATE[STATE[i]] = STATE[i], true end

local function read_values(prefix, id, into)
  local values = redis.call("HMGET", check_key(prefix, id), unpack(FIELDS))
  for i = 1, #FIELDS do into[FIELDS[i]] = values[i] or "" end
  return into
end

-- The first look at what a ping has not read: from then on all of it is. Nothing has been written to these fields
-- meanwhile, for write_check comes last.
local function read_rest(before, field)
  setmetatable(before, nil)
  return read_values(before.prefix, before.id, before)[field]
end
local UNREAD = {__index = read_rest}

-- The check of a ping, with what most pings look at: half of the fields. nil when there is no such check; whether there
-- is such an account, the ping asks by itself. Tables that are made in one piece need not grow five times each.
local function read_pinged(prefix, id)
  local is = redis.call("HMGET", check_key(prefix, id), "user_id", "slug", "revision", "grace_seconds",
    "max_runtime_seconds", "status", "alerted", "failure_count", "acknowledged", "reminders", "due", "deadline", "unarmed",
    "runs", "last_ping", "last_ping_number", "last_duration_ms", "ping_count", "last_request", "allowance", "body_bytes")
  if not is[1] then return nil end
  local before = {prefix = prefix, id = id, user_id = is[1], slug = is[2] or "", revision = is[3] or "",
    grace_seconds = is[4] or "", max_runtime_seconds = is[5] or "", status = is[6] or "", alerted = is[7] or "",
    failure_count = is[8] or "", acknowledged = is[9] or "", reminders = is[10] or "", due = is[11] or "",
    deadline = is[12] or "", unarmed = is[13] or "", runs = is[14] or "", last_ping = is[15] or "",
    last_ping_number = is[16] or "", last_duration_ms = is[17] or "", ping_count = is[18] or "",
    last_request = is[19] or "", allowance = is[20] or "", body_bytes = is[21] or ""}
  -- What a success sets has its place from the beginning.
  local check = {id = id, before = before, armed = false, status = before.status, alerted = before.alerted,
    failure_count = before.failure_count, acknowledged = before.acknowledged, reminders = before.reminders,
    due = before.due, deadline = before.deadline, unarmed = before.unarmed, last_ping = before.last_ping,
    last_ping_number = before.last_ping_number, ping_count = before.ping_count, last_request = before.last_request,
    allowance = before.allowance}
  setmetatable(before, UNREAD)
  return setmetatable(check, {__index = before})
end

local function read_check(prefix, id)
  local before = read_values(prefix, id, {})
  -- The checks of an account that is being deleted are gone from its first step on.
  if before.user_id == "" or redis.call("HEXISTS", user_key(prefix, before.user_id), "user_slug") == 0 then return nil end
  return setmetatable({id = id, before = before, armed = false}, {__index = before})
end

-- Whether what lists and counters go by has changed: the status, running, or late, which a ping has ended.
local function seen_in_list(check)
  local before = check.before
  if check.status ~= before.status or (check.runs == "") ~= (before.runs == "") then return true end
  local late = late_from(before)
  return late ~= "" and check.last_ping ~= before.last_ping and tonumber(late) <= tonumber(check.last_ping)
end

-- `edited`: the owner changed its settings, which any list may show.
local function write_check(prefix, check, edited)
  local before, count = check.before, 0
  local changes = {nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil} -- room for eight
  index_state(prefix, check)
  changed(prefix, check.user_id, (edited or seen_in_list(check)) and "w" or "", check.id)
  setmetatable(before, nil) -- what was not read is not worth a look: it is written
  for field, value in pairs(check) do
    if IS_STATE[field] and value ~= before[field] then
      changes[count + 1], changes[count + 2] = field, value
      count = count + 2
    end
  end
  if count > 0 then redis.call("HSET", check_key(prefix, check.id), unpack(changes, 1, count)) end
end
