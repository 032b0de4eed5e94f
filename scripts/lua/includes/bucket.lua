-- bucket: a destination's token bucket as a table, refilled up to `now`; ttr/domain/rate.py reads it the same way.
local LONGEST_HOLD = 86400000 -- no hint of a service counts for more than a day
local CLOCK_SLACK = 60000 -- a clock that goes back further than this was wrong before
local REMEMBERED = 1000 -- bytes of ids by which a repeated call is known: some 30
local KEPT_LONGER = 60000

local function clamp(number, least, most) return math.max(least, math.min(most, number)) end

-- 17 digits bring a double back exactly as it was.
local function digits(number) return string.format("%.17g", number) end

local function remembers(ids, id) return string.find(ids, ";" .. id .. ";", 1, true) ~= nil end

local function remember(ids, id) return string.sub((ids == "" and ";" or ids) .. id .. ";", -REMEMBERED) end

local function read_hint(text) return clamp(tonumber(text) or 0, 0, LONGEST_HOLD) end

-- `rules` bind what is stored as well: an operator may have changed them since.
local function read_bucket(rate_key, rules, now)
  local found = redis.call("HMGET", rate_key, "tokens", "max_tokens", "rps", "at", "backoff_until", "level", "ticket",
    "granted", "reported")
  local bucket = {
    max_tokens = clamp(tonumber(found[2] or rules.burst), 1, rules.burst),
    rps = clamp(tonumber(found[3] or rules.start), rules.drip, rules.cap),
    at = tonumber(found[4] or now),
    backoff_until = tonumber(found[5] or 0),
    level = tonumber(found[6] or 0),
    ticket = tonumber(found[7] or 0),
    granted = found[8] or "",
    reported = found[9] or "",
  }
  local back = bucket.at - now
  if back > CLOCK_SLACK then
    if bucket.backoff_until > bucket.at then bucket.backoff_until = bucket.backoff_until - back end
    bucket.at = now
    redis.call("UNLINK", rate_sent_key(rate_key), rate_waiting_key(rate_key), rate_turns_key(rate_key))
  end
  local refilled = tonumber(found[1] or rules.burst) + math.max(0, now - bucket.at) / 1000 * bucket.rps
  bucket.tokens = clamp(refilled, 0, bucket.max_tokens)
  bucket.at = math.max(bucket.at, now)
  return bucket
end

-- A bucket outlives its back-off, however short the operator wants its memory.
local function write_bucket(rate_key, bucket, rules, now)
  redis.call("HSET", rate_key, "tokens", digits(bucket.tokens), "max_tokens", digits(bucket.max_tokens),
    "rps", digits(bucket.rps), "at", whole(bucket.at), "backoff_until", whole(bucket.backoff_until),
    "level", whole(bucket.level), "ticket", whole(bucket.ticket), "granted", bucket.granted, "reported", bucket.reported)
  redis.call("PEXPIRE", rate_key, whole(math.max(rules.ttl, bucket.backoff_until - now + KEPT_LONGER)))
end
