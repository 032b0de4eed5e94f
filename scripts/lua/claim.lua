#!lua
-- claim: the next attempt of a leased lane. From a delivery's first attempt on nothing joins it any more, so every
-- attempt says the same under the same id; what else is down is written into it as well.
-- KEYS[1] the partition's prefix
-- ARGV[1] lane  [2] lease  [3] now ms  [4] ms of the lease  [5] ms that a finished delivery is remembered
-- returns {delivery id, attempt since it was queued, queued since ms, user id, channel id, kind, name, settings JSON,
-- sealed secret or "", data key, others JSON: [count, name, ...], event JSON, ...}, or {} when there is nothing to send
---@include keys mark changed whole listing finish lane
local OTHERS_SHOWN = 10
local DROPPED_MOST = 500
local ATTEMPTS_MOST = 100 -- three times the plan's: what ends its worker each time must end too
local EVENTS_MOST = 5000 -- five times what any kind lets join
local prefix, lane = KEYS[1], ARGV[1]
local key, queue = lane_key(prefix, lane), lane_queue_key(prefix, lane)
local held = redis.call("HMGET", key, "lease", "user_id", "open", "destination")
if held[1] ~= ARGV[2] or redis.call("HEXISTS", user_key(prefix, held[2]), "user_slug") == 0 then return {} end

-- What lost its record or all its channels is dropped on the way to the first that can be sent.
local id, channel, before
for _ = 1, DROPPED_MOST do
  id = redis.call("LINDEX", queue, 0)
  if not id then break end
  before = redis.call("HMGET", delivery_key(prefix, id), "state", "base", "since", "checks", "others", "channels",
    "claimed_by", "attempts")
  channel = before[1] and sending_channel(prefix, lane, before[6] or "")
  local tried = (tonumber(before[8] or "") or 0) - (tonumber(before[2] or "") or 0)
  if channel and tried < ATTEMPTS_MOST then break end
  redis.call("LPOP", queue)
  mark(prefix, "lane:" .. lane)
  if before[1] then finish(prefix, id, channel and "failed" or "dropped", ARGV[5]) end
  channel = nil
end
if not channel then
  release(prefix, lane, ARGV[3], "turn")
  return {}
end

-- A channel that was given another address meanwhile is counted against that from the next attempt on.
local leads = redis.call("HGET", channel_key(prefix, channel), "destination") or ""
if leads ~= (held[4] or "") then
  redis.call("HSET", key, "destination", leads)
  mark(prefix, "lane:" .. lane)
  release(prefix, lane, ARGV[3], "turn")
  return {}
end

local function others_down(told)
  -- Those that are down come first in this index, the newest before the others.
  local by_status, till = by_status_key(prefix, held[2]), "(" .. whole(end_of_down())
  local count = redis.call("ZCOUNT", by_status, "-inf", till)
  for check in string.gmatch(told, "%d+") do
    local score = tonumber(redis.call("ZSCORE", by_status, ordered(check)) or "inf")
    if score < end_of_down() then count = count - 1 end
  end
  local parts = {whole(count)}
  for _, member in ipairs(redis.call("ZRANGE", by_status, "-inf", till, "BYSCORE", "LIMIT", 0, 100)) do
    if #parts > OTHERS_SHOWN then break end
    local check = whole(tonumber(member))
    if not string.find(told, "," .. check .. ",", 1, true) then
      local name = redis.call("HGET", check_key(prefix, check), "name")
      if name then parts[#parts + 1] = cjson.encode(name) end
    end
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

local delivery = delivery_key(prefix, id)
local others = before[5]
if not others then
  others = others_down(before[4] or "")
  redis.call("HSET", delivery, "others", others)
end
if held[3] == id then redis.call("HDEL", key, "open") end
-- A repeat, after a lost connection, is the same attempt.
local repeated = before[1] == "sending" and before[7] == ARGV[2]
local attempts = redis.call("HINCRBY", delivery, "attempts", repeated and 0 or 1)
redis.call("HSET", delivery, "state", "sending", "again_at", "", "claimed_by", ARGV[2])
redis.call("ZADD", lanes_key(prefix), whole(tonumber(ARGV[3]) + tonumber(ARGV[4])), lane)
mark(prefix, "lane:" .. lane)
mark(prefix, "delivery:" .. id)
local by = redis.call("HMGET", channel_key(prefix, channel), "kind", "name", "settings", "secret")
return {id, attempts - tonumber(before[2] or "0"), before[3], held[2], channel, by[1], by[2] or "", by[3] or "{}",
  by[4] or "", redis.call("HGET", user_key(prefix, held[2]), "data_key") or "", others,
  unpack(redis.call("LRANGE", delivery_events_key(prefix, id), 0, EVENTS_MOST - 1))}
