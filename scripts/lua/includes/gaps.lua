-- gaps: keeps the times in which we were blind, "from:to" by their end. Uptime leaves them out, so they are kept as long
-- as its days; 2,000 are 20 a day, some 250 KB, and a partition that is blind more often forgets the oldest.
local GAPS_KEPT = 2000
local GAPS_KEPT_MS = 100 * 86400000

-- They never overlap: a clock that was set back begins where the last one ends.
local function note_gap(prefix, from, to)
  local key = gaps_key(prefix)
  local last = redis.call("ZRANGE", key, 0, 0, "REV", "WITHSCORES")
  from = math.max(from, tonumber(last[2] or "0"))
  if from >= to then return end
  redis.call("ZADD", key, whole(to), whole(from) .. ":" .. whole(to))
  redis.call("ZREMRANGEBYSCORE", key, "-inf", whole(to - GAPS_KEPT_MS))
  redis.call("ZREMRANGEBYRANK", key, 0, -GAPS_KEPT - 1)
end
