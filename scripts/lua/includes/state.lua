-- state: a check's hash as a table of strings ("" where a field is missing), and back, changed fields only.
local CONFIG = {"user_id", "name", "slug", "tags", "description", "grace_seconds", "max_runtime_seconds",
  "notify_after_failures", "notify_on_up", "remind_every_minutes", "channels", "own_channels", "revision"}
local STATE = {"status", "resume_status", "status_since", "last_ping", "last_start", "last_duration_ms",
  "failure_count", "alerted", "due", "deadline", "unarmed", "runs", "ping_count", "event_count",
  "last_request", "body_bytes", "armed_from", "reason", "reason_detail", "acknowledged", "reminders",
  "flapping_until", "flip_count", "missed_due", "last_ping_number", "settled_at", "allowance",
  "before_pause", "in_pause"}

local FIELDS = {}
for i = 1, #CONFIG do FIELDS[i] = CONFIG[i] end
for i = 1, #STATE do FIELDS[#CONFIG + i] = STATE[i] end

local function read_check(prefix, id)
  local values = redis.call("HMGET", check_key(prefix, id), unpack(FIELDS))
  if not values[1] then return nil end
  -- The checks of an account that is being deleted are gone from its first step on.
  if redis.call("HEXISTS", user_key(prefix, values[1]), "user_slug") == 0 then return nil end
  local check, before = {id = id}, {}
  for i, field in ipairs(FIELDS) do
    check[field] = values[i] or ""
    before[field] = check[field]
  end
  check.before = before
  return check
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
  local changes = {}
  for _, field in ipairs(STATE) do
    if check[field] ~= check.before[field] then
      changes[#changes + 1] = field
      changes[#changes + 1] = check[field]
    end
  end
  if #changes > 0 then redis.call("HSET", check_key(prefix, check.id), unpack(changes)) end
  index_state(prefix, check)
  changed(prefix, check.user_id, (edited or seen_in_list(check)) and "w" or "", check.id)
end
