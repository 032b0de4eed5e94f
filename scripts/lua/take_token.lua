#!lua
-- take_token: lets one message leave for a destination, or says when its turn comes. Waiting costs no rate.
-- KEYS[1] the destination's bucket, such as "ttr:rate:{...}"
-- ARGV[1] who asks, the same each time it asks  [2] request id: a repeat of a granted one takes no second token
-- ARGV[3] now ms  [4] the rules, JSON  [5] "1": keep a place in the queue for who is denied
-- returns {1, 0, ""} granted | {0, ms until it may ask again, "backoff" | "rate_limited"}
---@include keys whole bucket
local PATIENCE = 5000 -- how late after its turn somebody may come before the place is given up
local MOST_WAITING = 10000
local BATCH = 1000
-- Who is told a long wait asks again half-way, for the queue may move faster than at the rate of now: ten messages
-- later it may be five times as fast. That makes some seven asks of a wait of 20 minutes.
local SHORT_WAIT = 10000
local EPSILON = 1e-9 -- so that who comes at the promised millisecond isn't sent away over a rounding error
local rate_key, who, request, now, rules = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), cjson.decode(ARGV[4])
local waiting_key, turns_key = rate_waiting_key(rate_key), rate_turns_key(rate_key)

local bucket = read_bucket(rate_key, rules, now)
if remembers(bucket.granted, request) then return {1, 0, ""} end

local lapsed
repeat
  lapsed = redis.call("ZRANGE", turns_key, "-inf", "(" .. whole(now), "BYSCORE", "LIMIT", 0, BATCH)
  if #lapsed > 0 then
    redis.call("ZREM", turns_key, unpack(lapsed))
    redis.call("ZREM", waiting_key, unpack(lapsed))
  end
until #lapsed < BATCH

-- Everybody who asked earlier and still waits has a token set aside, also while they are away until their turn.
local place = redis.call("ZRANK", waiting_key, who)
local ahead = place or redis.call("ZCARD", waiting_key)
local held = bucket.backoff_until > now
if not held and bucket.tokens + EPSILON >= ahead + 1 then
  bucket.tokens = math.max(0, bucket.tokens - 1)
  bucket.granted = remember(bucket.granted, request)
  if place then
    redis.call("ZREM", waiting_key, who)
    redis.call("ZREM", turns_key, who)
  end
  write_bucket(rate_key, bucket, rules, now)
  return {1, 0, ""}
end

local wait
if held then
  wait = bucket.backoff_until - now
else
  wait = math.max(1, math.ceil((ahead + 1 - bucket.tokens) / bucket.rps * 1000))
  if wait > SHORT_WAIT then wait = math.max(SHORT_WAIT, math.ceil(wait / 2)) end
end
if ARGV[5] == "1" and (place or ahead < MOST_WAITING) then
  if not place then
    bucket.ticket = bucket.ticket + 1
    redis.call("ZADD", waiting_key, whole(bucket.ticket), who)
  end
  redis.call("ZADD", turns_key, whole(now + wait + PATIENCE), who)
  -- The two sets expire with whoever waits longest: the last one to ask needn't be that.
  for _, set_key in ipairs({waiting_key, turns_key}) do
    local needed = wait + 2 * PATIENCE
    if redis.call("PTTL", set_key) < needed then redis.call("PEXPIRE", set_key, whole(needed)) end
  end
end
write_bucket(rate_key, bucket, rules, now)
return {0, wait, held and "backoff" or "rate_limited"}
