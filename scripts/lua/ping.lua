#!lua
-- ping: takes a job's signal: state, deadline, log, body and alert in one step, or nothing at all.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] user slug in the URL or ""  [3] check id or "" when only the slug is known
-- ARGV[4] check slug in the URL or ""  [5] now ms  [6] request id: a repeat of one of the last four changes nothing
-- ARGV[7] revision that due and kind were worked out for, "" when unknown  [8] next due ms or "" for never
-- ARGV[9] success | start | fail | log | ignored  [10] rid or ""  [11] reason  [12] detail
-- ARGV[13] the log entry's tail, packed  [14] body, cut  [15] log entries kept
-- ARGV[16] body bytes kept per check  [17] body bytes kept per account
-- ARGV[18] ms of the window of flapping  [19] changes in it, 0 for never  [20] ms of calm that end it
-- ARGV[21] pings of this check that may come at once, 0 for any number  [22] µs in which one of them comes back
-- ARGV[23] origin: id of the HTTP request, for the log, and not what tells repeats: a proxy may give one id twice
-- returns {"ok", check id, ping number, alerts sent to the outbox, ms of the run that it ended or ""}
-- returns {"stale", check id, plan...} when the revision differs: work out due and kind again
-- returns {"limited", ms until the next ping is taken} when they come too fast: nothing was written
-- returns {"unknown"} when the address names no check
---@include keys mark changed whole history listing index state runs arm days flip reminders event output flapping outcome plan bodies allowance
-- Four ids of 12 letters between semicolons. With more than 64 bytes in any value Redis keeps the whole hash as a table, in
-- twice the memory; of longer ids fewer are known.
local REQUESTS_KEPT = 4 * 13 + 1
local prefix, user, now, kind, rid = KEYS[1], ARGV[1], tonumber(ARGV[5]), ARGV[9], ARGV[10]
set_origin(ARGV[23])

local id = ARGV[3]
if id == "" then id = redis.call("HGET", user_slugs_key(prefix, user), ARGV[4]) end
local check = id and read_pinged(prefix, id)
if not check or check.user_id ~= user or (ARGV[4] ~= "" and check.slug ~= ARGV[4]) then return {"unknown"} end
-- An account that is being deleted has no slug from its first step on.
local user_slug = redis.call("HGET", user_key(prefix, user), "user_slug")
if not user_slug then return {"unknown"} end
if ARGV[2] ~= "" and user_slug ~= ARGV[2] then
  local former_until = redis.call("ZSCORE", former_slugs_key(prefix, user), ARGV[2])
  if not former_until or tonumber(former_until) <= now then return {"unknown"} end
end
if string.find(check.last_request, ";" .. ARGV[6] .. ";", 1, true) then return {"ok", id, tonumber(check.ping_count), 0, ""} end
if ARGV[21] ~= "0" then
  local count = tonumber(ARGV[21])
  -- What is only recorded leaves half of the allowance to what changes the state.
  local signal = check.revision ~= ARGV[7] or (kind ~= "log" and kind ~= "ignored")
  local reserved = signal and 0 or math.floor(count / 2)
  local allowed, whole_at, spare = use(check.allowance, count, tonumber(ARGV[22]), now, reserved)
  if not allowed then return {"limited", math.ceil(-spare / 1000)} end
  check.allowance = whole(whole_at)
end
if check.revision ~= ARGV[7] then return {"stale", id, unpack(read_plan(prefix, id))} end

local flap = {window = ARGV[18], threshold = ARGV[19], suppression = ARGV[20]}
local number = (tonumber(check.ping_count) or 0) + 1
local duration
check.ping_count = whole(number)
local requests = check.last_request == "" and ";" or check.last_request
check.last_request = string.sub(requests .. ARGV[6] .. ";", -REQUESTS_KEPT)

if kind == "start" then
  check.last_start = ARGV[5]
  local before_deadline = check.max_runtime_seconds ~= "" and check.deadline ~= "" and now < tonumber(check.deadline)
  open_run(check, rid, now, before_deadline)
  if before_deadline then
    check.unarmed = ""
    arm(prefix, check)
  end
elseif kind == "success" or kind == "fail" then
  duration = close_run(check, rid, now, kind == "fail")
  if duration then check.last_duration_ms = whole(duration) end
  check.last_ping, check.last_ping_number = ARGV[5], check.ping_count
  if kind == "success" then
    succeed(prefix, check, now, flap, output_tail(ARGV[14]))
  else
    local last = ARGV[8] == "" and not held_since(check)
    local facts = {reason = ARGV[11], detail = ARGV[12], output = output_tail(ARGV[14]), last = last}
    fail(prefix, check, now, flap, facts)
  end
  check.unarmed = ""
  check.due = ARGV[8]
  if check.status == "paused" or (check.status == "down" and check.alerted == "1") then check.due = "" end
  arm(prefix, check)
end

local lasted = duration and math.min(duration, 4294967294) or 4294967295
local entry = struct.pack(">I4I4", number, lasted) .. ARGV[13]
local log, most = log_key(prefix, id), tonumber(ARGV[15])
local over = redis.call("LPUSH", log, entry) - most
if over == 1 then
  redis.call("RPOP", log)
elseif over > 1 then
  redis.call("LTRIM", log, 0, most - 1)
end
archive(prefix, "p" .. id .. ":" .. entry)
if #ARGV[14] > 0 then
  keep_body(prefix, check, number, ARGV[14], most, tonumber(ARGV[16]), tonumber(ARGV[17]))
end
write_check(prefix, check)
local count_now = rawget(check, "event_count") -- set by an alert; else it has not been read
local events = count_now and tonumber(count_now) - (tonumber(check.before.event_count) or 0) or 0
return {"ok", id, number, events, duration and whole(duration) or ""}
