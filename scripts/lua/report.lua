#!lua
-- report: writes down what became of an attempt. A success counts even if the lease has lapsed, so that it is not
-- sent again; a failure only from the worker that still holds the lease. A target that is gone turns every channel
-- that leads there off, and one other channel of the account is told. What failed is shown to operators as well.
-- KEYS[1] the partition's prefix
-- ARGV[1] lane  [2] lease  [3] delivery id  [4] channel id  [5] now ms  [6] "delivered" | "failed"
-- ARGV[7] detail for the owner  [8] ms at which to try again, "" for never  [9] the log's line
-- ARGV[10] ms that a finished delivery is remembered  [11] ms until which the service asks to be left alone, ""
-- ARGV[12] "1": gone for good  [13] open settings that the service changed, a JSON object  [14] ms of the lease
-- ARGV[15] "1": it was slow  [16] the account's channels, a JSON list, when it is gone
-- ARGV[17] origin of the delivery's events, for the log
-- returns 2 written, and the lane's next delivery may be sent now under the same lease | 1 written
-- | 0 not this worker's any more
---@include keys mark changed whole finish lane notice
local LOG_BYTES = 16000 -- some 100 attempts
local ERRORS_KEPT = 100
local prefix, lane, id, channel, now = KEYS[1], ARGV[1], ARGV[3], ARGV[4], ARGV[5]
local key, delivery = lane_key(prefix, lane), delivery_key(prefix, id)
local record = redis.call("HMGET", delivery, "state", "log", "user_id", "channels")
local state, user = record[1], record[3]
local mine, delivered = redis.call("HGET", key, "lease") == ARGV[2], ARGV[6] == "delivered"
if state ~= "due" and state ~= "sending" then
  if mine then release(prefix, lane, now, "turn") end
  return 0
end
if not delivered and (state ~= "sending" or not mine) then return 0 end

local log = record[2] and record[2] .. "\n" .. ARGV[9] or ARGV[9]
if #log > LOG_BYTES then log = string.sub(log, (string.find(log, "\n", #log - LOG_BYTES, true) or 0) + 1) end
redis.call("HSET", delivery, "log", log)
mark(prefix, "delivery:" .. id)
mark(prefix, "lane:" .. lane)
if not delivered then
  redis.call("LPUSH", delivery_errors_key(prefix), user .. " " .. id .. " " .. ARGV[9])
  redis.call("LTRIM", delivery_errors_key(prefix), 0, ERRORS_KEPT - 1)
end
local ended = delivered or ARGV[8] == ""
if ended then
  redis.call("LREM", lane_queue_key(prefix, lane), 1, id)
  finish(prefix, id, ARGV[6], ARGV[10])
else
  redis.call("HSET", delivery, "state", "due", "again_at", ARGV[8])
end
redis.call("HSET", key, "last_status", delivered and ARGV[15] ~= "1" and "ok" or "error", "last_at", now, "hold_until", ARGV[11])
for told in string.gmatch(record[4] or "", "%d+") do
  if redis.call("EXISTS", channel_key(prefix, told)) == 1 then
    redis.call("HSET", channel_key(prefix, told), "last_status", delivered and "ok" or "error",
      "last_message", ARGV[7], "last_at", now)
    mark(prefix, "channel:" .. told)
  end
end
if ARGV[13] ~= "{}" and redis.call("EXISTS", channel_key(prefix, channel)) == 1 then
  local settings = cjson.decode(redis.call("HGET", channel_key(prefix, channel), "settings") or "{}")
  for name, value in pairs(cjson.decode(ARGV[13])) do settings[name] = value end
  redis.call("HSET", channel_key(prefix, channel), "settings", cjson.encode(settings))
  mark(prefix, "channel:" .. channel)
end
changed(prefix, user, ARGV[12] == "1" and "wa" or "a", "0")

-- Turns off what leads to this lane's address. One that was given another address meanwhile may work there.
local function turn_off()
  local name
  for _, number in ipairs(cjson.decode(ARGV[16])) do
    local other = whole(number)
    local is = redis.call("HMGET", channel_key(prefix, other), "enabled", "address", "name")
    if is[1] == "1" and lane_of(user, other, is[2]) == lane then
      redis.call("HSET", channel_key(prefix, other), "enabled", "0", "off_reason", "gone", "off_at", now)
      mark(prefix, "channel:" .. other)
      if not name or other == channel then name = is[3] or "" end
    end
  end
  return name
end

if ARGV[12] == "1" then
  local name = turn_off()
  if name then
    local event = "c" .. channel .. "-" .. ARGV[2] .. "-" .. now
    tell_off(prefix, user, ARGV[16], channel, name, ARGV[7], event, now, ARGV[17])
  end
end
if not mine then
  -- What stood in the way of the lane's others has arrived.
  if ended and redis.call("HGET", key, "waits") == "retry" then release(prefix, lane, now, "turn") end
  return 1
end
if not ended then
  release(prefix, lane, ARGV[8], "retry")
  return 1
end
local lease_ends = whole(tonumber(now) + tonumber(ARGV[14]))
return release(prefix, lane, lease_ends, "leased") and 2 or 1
