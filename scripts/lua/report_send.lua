#!lua
-- report_send: what became of a send decides how fast the next ones leave; a repeat of a report changes nothing.
-- KEYS[1] the destination's bucket, such as "ttr:rate:{...}"
-- ARGV[1] send id  [2] delivered | rate_limited | transient | permanent  [3] now ms
-- ARGV[4] ms that the service asks to wait after a refusal, or ""
-- ARGV[5] ms that it asks to be left alone though it took the message, or ""  [6] the rules, JSON
-- returns 1 | 0 when it was reported before
---@include keys whole bucket
local COOL_DOWN = 2000 -- after a 5xx or no answer
local MORE_BURST = 0.25
local SENT_KEPT = 600000
local SENT_EXPIRES = 900000
local rate_key, id, outcome, now, rules = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), cjson.decode(ARGV[6])
local sent_key = rate_sent_key(rate_key)
local bucket = read_bucket(rate_key, rules, now)
if remembers(bucket.reported, id) or redis.call("ZSCORE", sent_key, id) then return 0 end

local hold = read_hint(ARGV[5])
if outcome == "delivered" then
  bucket.rps = bucket.rps + rules.step
  bucket.max_tokens = math.min(rules.burst, bucket.max_tokens + MORE_BURST)
  bucket.level = math.max(0, bucket.level - 1)
  redis.call("ZADD", sent_key, whole(now), id)
  redis.call("ZREMRANGEBYSCORE", sent_key, "-inf", whole(now - SENT_KEPT))
  redis.call("PEXPIRE", sent_key, whole(SENT_EXPIRES))
else
  bucket.reported = remember(bucket.reported, id)
end
if outcome == "rate_limited" then
  bucket.rps = bucket.rps * rules.hard
  bucket.max_tokens = math.max(1, bucket.max_tokens / 2)
  bucket.tokens = math.min(bucket.tokens, bucket.max_tokens)
  bucket.level = math.min(rules.level_max, bucket.level + 1)
  local hint = read_hint(ARGV[4])
  if hint == 0 then hint = math.min(rules.backoff_max, rules.backoff_base * 2 ^ (bucket.level - 1)) end
  hold = math.max(hold, hint)
elseif outcome == "transient" then
  bucket.rps = bucket.rps * rules.soft
  hold = math.max(hold, COOL_DOWN)
end
bucket.rps = clamp(bucket.rps, rules.drip, rules.cap)
-- A later, smaller hint never shortens a longer one.
if hold > 0 then bucket.backoff_until = math.max(bucket.backoff_until, now + hold) end
write_bucket(rate_key, bucket, rules, now)
return 1
