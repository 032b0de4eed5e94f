#!lua
-- overdue: flips what is past its deadline, after moving the deadlines that fell into a time we were blind.
-- A missed run below the alert threshold needs its next due time from Python: it stays in the set under a
-- short lease and is answered until arm.lua has set it, so a crash in between loses nothing.
-- When no deadline is left, flapping checks that have been calm settle, and reminders that are due go out.
-- KEYS[1] the partition's prefix
-- ARGV[1] now ms  [2] ms until which pings were surely accepted  [3] ms of silence that count as blind
-- ARGV[4] most checks a call  [5] ms after which no further check is begun; one is dealt with in any case
-- ARGV[6] ms of the lease on a check that waits for its due time
-- ARGV[7] ms of the window of flapping  [8] changes in it, 0 for never  [9] ms of calm that end it
-- ARGV[10] origin: id of the look, for the log
-- returns {"blind"} while pings can't be accepted: nobody is declared overdue
-- returns {"ok" | "more", when to look again ms or "", checks flipped, moved or told of, delays, waiting...}
-- delays: for each deadline that passed, the ms until it was found, comma separated
-- each waiting {id, leased deadline, due missed, plan...}: its next due time is the first after the one missed
---@include keys mark changed whole history gaps listing index state runs arm days flip reminders event output flapping outcome plan
local prefix, now, threshold, limit = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lease = tonumber(ARGV[6])
local flap = {window = tonumber(ARGV[7]), threshold = tonumber(ARGV[8]), suppression = tonumber(ARGV[9])}
local deadlines = deadlines_key(prefix)
set_origin(ARGV[10])

-- How long this call has worked, ms. From Redis 7.2 on, and in Valkey, TIME stands still in a script, but there is
-- os.clock, the server's own processor time; Redis 7.0 has no `os`, and its TIME goes on. Either takes 1 µs.
local os_library = rawget(_G, "os")
local function clock_ms()
  if os_library then return os_library.clock() * 1000 end
  local time = redis.call("TIME")
  return tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
end
local began, longest, handled = clock_ms(), tonumber(ARGV[5]), 0

-- Whether there is time for one more, which is then counted.
local function begin_one()
  if handled > 0 and clock_ms() - began >= longest then return false end
  handled = handled + 1
  return true
end

if now - tonumber(ARGV[2]) > threshold then return {"blind"} end

local tick = tonumber(redis.call("HGET", clock_key(prefix), "tick") or "")
if tick and now - tick > threshold then
  redis.call("RPUSH", pending_gaps_key(prefix), whole(tick) .. ":" .. whole(now))
  note_gap(prefix, tick, now)
end
-- A tick from the future is one of a clock that was wrong: kept, it would hide every gap until then.
if not tick or now > tick or tick - now > threshold then redis.call("HSET", clock_key(prefix), "tick", whole(now)) end

-- Gaps first: a moved deadline leaves the gap, so this goes on where a crash stopped it.
local gap = redis.call("LINDEX", pending_gaps_key(prefix), 0)
if gap then
  local from, to = string.match(gap, "(%d+):(%d+)")
  local shift = tonumber(to) - tonumber(from)
  local inside = redis.call("ZRANGE", deadlines, "(" .. from, to, "BYSCORE", "LIMIT", 0, limit)
  for _, id in ipairs(inside) do
    if not begin_one() then break end
    local check = read_check(prefix, id)
    if check and check.deadline ~= "" then
      local runs = read_runs(check)
      for _, run in ipairs(runs) do
        if run.hold > 0 then run.hold = run.hold + shift end
      end
      write_runs(check, runs)
      -- A lease is no deadline: it ends with the gap.
      check.deadline = whole(check.unarmed == "1" and tonumber(to) + 1 or tonumber(check.deadline) + shift)
      redis.call("ZADD", deadlines, check.deadline, id)
      write_check(prefix, check)
    else
      redis.call("ZREM", deadlines, id)
    end
  end
  if handled == #inside and handled < limit then redis.call("LPOP", pending_gaps_key(prefix)) end
  return {"more", "", handled, ""}
end

-- Runs whose deadline lay in the last gap were not missed: the next one counts from its end.
local last_gap = redis.call("ZRANGE", gaps_key(prefix), 0, 0, "REV", "WITHSCORES")
local seen_again = math.min(now, tonumber(last_gap[2] or "0"))
local past = redis.call("ZRANGE", deadlines, "-inf", whole(now), "BYSCORE", "LIMIT", 0, limit)
local answer = {"ok", "", 0, ""}
local delays = {}
for _, id in ipairs(past) do
  if not begin_one() then break end
  local check = read_check(prefix, id)
  if not check or check.deadline == "" then
    redis.call("ZREM", deadlines, id)
  elseif tonumber(check.deadline) > now then
    redis.call("ZADD", deadlines, check.deadline, id)
  else
    if check.unarmed ~= "1" then
      delays[#delays + 1] = whole(now - tonumber(check.deadline))
      local since = held_since(check)
      if since then
        local limit_ms = tonumber(check.max_runtime_seconds) * 1000
        local runs = read_runs(check)
        for _, run in ipairs(runs) do
          if run.hold > 0 and run.hold + limit_ms <= now then run.hold = 0 end
        end
        write_runs(check, runs)
        fail(prefix, check, now, flap, {reason = "over_runtime", detail = check.max_runtime_seconds})
      else
        local overdue_ms = whole(math.max(0, now - tonumber(check.due)))
        fail(prefix, check, now, flap, {reason = "overdue", detail = "", overdue_ms = overdue_ms})
      end
    end
    local told = check.alerted == "1"
    local waits = not told and not held_since(check) and (check.due == "" or tonumber(check.due) <= now)
    if waits then
      check.unarmed = "1"
      check.deadline = whole(now + lease)
      redis.call("ZADD", deadlines, check.deadline, id)
      local missed = check.due
      if missed ~= "" then
        missed = whole(math.max(tonumber(missed), seen_again - tonumber(check.grace_seconds) * 1000))
      end
      answer[#answer + 1] = {id, check.deadline, missed, unpack(read_plan(prefix, id))}
    else
      arm(prefix, check)
    end
    write_check(prefix, check)
  end
end
answer[3], answer[4] = handled, table.concat(delays, ",")
if handled < #past or #past == limit then
  answer[1] = "more"
  return answer
end

-- Only now: a deadline that has come may be the change that ends the calm.
local flapping = flapping_key(prefix)
local calm = redis.call("ZRANGE", flapping, "-inf", whole(now), "BYSCORE", "LIMIT", 0, limit)
for _, id in ipairs(calm) do
  if not begin_one() then break end
  local check = read_check(prefix, id)
  if not check or check.flapping_until == "" then
    redis.call("ZREM", flapping, id)
    mark(prefix, "check:" .. id)
  elseif tonumber(check.flapping_until) > now then
    redis.call("ZADD", flapping, check.flapping_until, id)
    mark(prefix, "check:" .. id)
  else
    settle(prefix, check, now)
    write_check(prefix, check)
  end
end

local reminders = reminders_key(prefix)
local again = redis.call("ZRANGE", reminders, "-inf", whole(now), "BYSCORE", "LIMIT", 0, limit)
for _, id in ipairs(again) do
  if not begin_one() then break end
  local check = read_check(prefix, id)
  if check and may_remind(check) then
    check.reminders = whole((tonumber(check.reminders) or 0) + 1)
    emit(prefix, check, "reminder", now, known_facts(prefix, check, now))
    set_reminder(prefix, check, now)
    write_check(prefix, check)
  else
    redis.call("ZREM", reminders, id)
    mark(prefix, "check:" .. id)
  end
end

answer[3] = handled
if handled < #past + #calm + #again or #calm == limit or #again == limit then answer[1] = "more" end
for _, first in ipairs({
  redis.call("ZRANGE", deadlines, 0, 0, "WITHSCORES"),
  redis.call("ZRANGE", flapping, 0, 0, "WITHSCORES"),
  redis.call("ZRANGE", reminders, 0, 0, "WITHSCORES"),
}) do
  if first[2] and (answer[2] == "" or tonumber(first[2]) < tonumber(answer[2])) then answer[2] = first[2] end
end
return answer
