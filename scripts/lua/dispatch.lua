#!lua
-- dispatch: turns one outbox entry into a delivery for each enabled channel of its check, once. What waits for one
-- address and was never tried is one message: later events join it, so that an up finds its down in it.
-- KEYS[1] the partition's prefix
-- ARGV[1] entry id in the stream  [2] event id  [3] event as JSON  [4] user id  [5] check id, 0 for none  [6] now ms
-- ARGV[7] channels, a JSON list of ids  [8] most events that may wait in the account
-- ARGV[9] most events of a delivery, JSON by kind  [10] deliveries the account's log keeps  [11] and a check's
-- ARGV[12] least ms between an attempt and one that a new event brings forward
-- ARGV[13] most bytes of events that may wait in the account  [14] bytes above which a delivery takes no further event
-- returns {deliveries made or joined, refused because the account has too many}; {0, 0} also when another
-- dispatcher was first, and when the account is gone
---@include keys mark changed whole
local prefix, now, made, refused = KEYS[1], tonumber(ARGV[6]), 0, 0
if redis.call("XDEL", outbox_key(prefix), ARGV[1]) == 0 then return {0, 0} end
mark(prefix, "outbox:" .. ARGV[1])
local user, check = user_key(prefix, ARGV[4]), ARGV[5]
if redis.call("HEXISTS", user, "user_slug") == 0 then return {0, 0} end
local queued = tonumber(redis.call("HGET", user, "queued") or "0")
local bytes, size = tonumber(redis.call("HGET", user, "queued_bytes") or "0"), #ARGV[3]
local event_caps = cjson.decode(ARGV[9])

local function keep_in_log(id)
  local log = user_deliveries_key(prefix, ARGV[4])
  redis.call("LPUSH", log, id)
  if redis.call("LLEN", log) <= tonumber(ARGV[10]) then return end
  local oldest = redis.call("RPOP", log)
  local state = redis.call("HGET", delivery_key(prefix, oldest), "state")
  if state ~= "due" and state ~= "sending" then
    redis.call("UNLINK", delivery_key(prefix, oldest), delivery_events_key(prefix, oldest))
    mark(prefix, "delivery:" .. oldest)
  end
end

local function keep_in_checks_log(id)
  if check == "0" or redis.call("EXISTS", check_key(prefix, check)) == 0 then return end
  local log = check_deliveries_key(prefix, check)
  redis.call("LPUSH", log, id)
  redis.call("LTRIM", log, 0, tonumber(ARGV[11]) - 1)
  mark(prefix, "check:" .. check)
end

-- A lane that waits for its retry gets a new attempt for new news, but keeps the service's own hint.
local function hurry(lane)
  local due, at = redis.call("ZSCORE", lanes_key(prefix), lane), now
  if due then
    local state = redis.call("HMGET", lane_key(prefix, lane), "waits", "hold_until", "last_at")
    if state[1] ~= "retry" then return end
    at = math.max(now, tonumber(state[2] or "") or 0, (tonumber(state[3] or "") or 0) + tonumber(ARGV[12]))
    if at >= tonumber(due) then return end
  end
  redis.call("ZADD", lanes_key(prefix), whole(at), lane)
  mark(prefix, "lane:" .. lane)
end

local function may_leave_by(delivery, channel)
  local key = delivery_key(prefix, delivery)
  local channels = redis.call("HGET", key, "channels")
  if not string.find(channels, "," .. channel .. ",", 1, true) then
    redis.call("HSET", key, "channels", channels .. channel .. ",")
    mark(prefix, "delivery:" .. delivery)
  end
end

local function join(delivery, event, channel)
  local key = delivery_key(prefix, delivery)
  local told = redis.call("HGET", key, "checks")
  redis.call("RPUSH", delivery_events_key(prefix, delivery), event)
  redis.call("HINCRBY", key, "count", 1)
  redis.call("HINCRBY", key, "bytes", size)
  mark(prefix, "delivery:" .. delivery)
  may_leave_by(delivery, channel)
  if not string.find(told, "," .. check .. ",", 1, true) then
    redis.call("HSET", key, "checks", told .. check .. ",")
    keep_in_checks_log(delivery)
  end
end

local lanes_told = {} -- two channels of a check may lead to one address: it is told once, by whichever is left
for _, number in ipairs(cjson.decode(ARGV[7])) do
  local id = whole(number)
  local found = redis.call("HMGET", channel_key(prefix, id), "enabled", "kind", "name", "address", "destination")
  local lane = lane_of(ARGV[4], id, found[4])
  local wanted = found[1] == "1"
  if wanted and lanes_told[lane] then
    may_leave_by(lanes_told[lane], id)
  elseif wanted and (queued + made >= tonumber(ARGV[8]) or bytes + (made + 1) * size > tonumber(ARGV[13])) then
    refused = refused + 1
  elseif wanted then
    made = made + 1
    local key = lane_key(prefix, lane)
    local open = redis.call("HGET", key, "open")
    local waiting = open and redis.call("HMGET", delivery_key(prefix, open), "state", "attempts", "count", "bytes")
    if waiting and waiting[1] == "due" and waiting[2] == "0"
      and tonumber(waiting[3]) < (event_caps[found[2]] or 1)
      and (tonumber(waiting[4]) or 0) + size <= tonumber(ARGV[14]) then
      lanes_told[lane] = open
      join(open, ARGV[3], id)
    else
      local delivery = ARGV[2] .. "-c" .. id
      lanes_told[lane] = delivery
      redis.call("HSET", delivery_key(prefix, delivery), "user_id", ARGV[4], "channel_id", id, "lane", lane,
        "channel_name", found[3] or "", "channel_kind", found[2] or "", "created_at", ARGV[6], "since", ARGV[6],
        "state", "due", "attempts", "0", "base", "0", "count", "1", "bytes", size, "checks", "," .. check .. ",",
        "channels", "," .. id .. ",", "number", redis.call("HINCRBY", user, "delivery_count", 1))
      mark(prefix, "delivery:" .. delivery)
      mark(prefix, "lane:" .. lane)
      redis.call("RPUSH", delivery_events_key(prefix, delivery), ARGV[3])
      redis.call("RPUSH", lane_queue_key(prefix, lane), delivery)
      redis.call("HSET", key, "user_id", ARGV[4], "destination", found[5] or "", "open", delivery)
      redis.call("PERSIST", key)
      keep_in_log(delivery)
      keep_in_checks_log(delivery)
    end
    hurry(lane)
  end
end
if made > 0 then
  redis.call("HINCRBY", user, "queued", made)
  redis.call("HINCRBY", user, "queued_bytes", made * size)
  changed(prefix, ARGV[4], "a", "0")
end
return {made, refused}
