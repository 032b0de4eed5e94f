#!lua
-- take_dirty: reads what has changed, some records and lines of history a call, for a snapshot. When the last call
-- finds nothing more, all calls together told the partition as it is at that moment. Nothing is lost by a crash: what
-- was read is kept apart until end_snapshot, and begin_snapshot gives it back.
-- KEYS[1] the partition's prefix
-- ARGV[1] token of the snapshot  [2] most records a call  [3] lines of history that were read by it  [4] most lines a call
-- ARGV[5] bytes of bodies after which a call ends  [6] "1": checks with all the pings and changes that they keep; not
-- when they are read a second time, for what came in between is in the history
-- ARGV[7] calls before this one  [8] lines of history that begin_snapshot said were given up
-- returns {"lost"} when all has to be read anew: another snapshot has begun, an answer did not arrive and its call is
-- repeated, or history was given up meanwhile
-- returns {"more" | "all", {history line, ...}, {record, part, part, ...}, ...}; the parts of each kind are below, all
-- empty when the record is gone; with "all" the last record is the partition itself
---@include keys whole history
local KEPT_A_CALL = 2000 -- pings and changes after which a call ends: some 2 ms
local prefix, most, lines, bytes_left = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
local dirty, taken = dirty_key(prefix), dirty_taken_key(prefix)
local history, history_taken = history_key(prefix), history_taken_key(prefix)
local snapshot = snapshot_key(prefix)
local begun = redis.call("HMGET", snapshot, "token", "calls")
if begun[1] ~= ARGV[1] or begun[2] ~= ARGV[7] then return {"lost"} end
local given_up = redis.call("LINDEX", history, 0)
if tonumber(given_up or "0") > tonumber(ARGV[8]) then return {"lost"} end
redis.call("HINCRBY", snapshot, "calls", 1)

-- While snapshots break off again and again, the lines that they took stay as few as those that wait: the rest is for
-- the next one.
local room = history_room(history_taken)
local moved = room > 0 and redis.call("LRANGE", history, 1, math.min(lines, room)) or {}
if #moved > 0 then
  redis.call("LTRIM", history, #moved + 1, -1)
  redis.call("LPUSH", history, given_up)
  redis.call("RPUSH", history_taken, unpack(moved))
end
local from = tonumber(ARGV[3])
local told = redis.call("LRANGE", history_taken, from, from + lines - 1)
local answer = {"more", told}
local kept_left = KEPT_A_CALL

local READ = {}

function READ.check(id)
  local log, flips, bodies = log_key(prefix, id), flips_key(prefix, id), bodies_key(prefix, id)
  local oldest_body = redis.call("LINDEX", bodies, -1)
  local pings, changes = {}, {}
  if ARGV[6] == "1" and redis.call("HEXISTS", taken, "check:" .. id) == 0 then
    pings, changes = redis.call("LRANGE", log, 0, -1), redis.call("LRANGE", flips, 0, -1)
    kept_left = kept_left - #pings - #changes
  end
  return {redis.call("HGETALL", check_key(prefix, id)), redis.call("HGETALL", days_key(prefix, id)),
    redis.call("ZSCORE", reminders_key(prefix), id), redis.call("ZSCORE", flapping_key(prefix), id),
    redis.call("LLEN", log), redis.call("LLEN", flips),
    oldest_body and string.sub(oldest_body, 1, 4) or "", redis.call("LRANGE", check_deliveries_key(prefix, id), 0, -1),
    pings, changes}
end

-- The newest, as many as were kept since they were read last.
function READ.bodies(id, count)
  local found = redis.call("LRANGE", bodies_key(prefix, id), 0, count - 1)
  for _, body in ipairs(found) do bytes_left = bytes_left - #body end
  return {found}
end

function READ.user(id)
  return {redis.call("HGETALL", user_key(prefix, id)),
    redis.call("ZRANGE", former_slugs_key(prefix, id), 0, -1, "WITHSCORES"),
    redis.call("LRANGE", user_chore_key(prefix, id), 0, -1), redis.call("HGETALL", access_keys_key(prefix, id))}
end

function READ.channel(id) return {redis.call("HGETALL", channel_key(prefix, id))} end

READ["status-page"] = function(id) return {redis.call("HGETALL", status_page_key(prefix, id))} end

function READ.lane(id)
  local key = lane_key(prefix, id)
  return {redis.call("HGETALL", key), redis.call("LRANGE", lane_queue_key(prefix, id), 0, -1),
    redis.call("ZSCORE", lanes_key(prefix), id), redis.call("PEXPIRETIME", key)}
end

function READ.delivery(id)
  local key = delivery_key(prefix, id)
  return {redis.call("HGETALL", key), redis.call("LRANGE", delivery_events_key(prefix, id), 0, -1),
    redis.call("PEXPIRETIME", key)}
end

function READ.outbox(id)
  local found = redis.call("XRANGE", outbox_key(prefix), id, id)
  return {found[1] and found[1][2] or {}}
end

local records = redis.call("HRANDFIELD", dirty, most, "WITHVALUES")
local read = 0
for i = 1, #records, 2 do
  if bytes_left <= 0 or kept_left <= 0 then break end
  local record, count = records[i], tonumber(records[i + 1])
  local kind, id = string.match(record, "^([%l-]+):(.+)$")
  local parts = READ[kind](id, count)
  table.insert(parts, 1, record)
  answer[#answer + 1] = parts
  redis.call("HINCRBY", taken, record, count)
  redis.call("HDEL", dirty, record)
  read = read + 1
end
if read < most and read == #records / 2 and #told < lines then
  answer[1] = "all"
  -- Postgres may have this snapshot from now on. A Redis that loses what came before, in a crash, loses this as well.
  redis.call("HSET", snapshot, "read", ARGV[1])
  answer[#answer + 1] = {"partition", redis.call("HGETALL", clock_key(prefix)),
    redis.call("LRANGE", pending_gaps_key(prefix), 0, -1), redis.call("ZRANGE", gaps_key(prefix), 0, -1),
    redis.call("ZRANGE", chores_key(prefix), 0, -1, "WITHSCORES")}
end
return answer
