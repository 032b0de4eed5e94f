#!lua
-- hand_out: leases due deliveries to a slice of the queue; a lease that lapses makes them due again.
-- No account fills a slice alone, and channels whose last send failed get slices of their own, so that a
-- receiver that hangs makes only its like wait.
-- KEYS[1] the partition's prefix
-- ARGV[1] now ms  [2] most deliveries  [3] ms of the lease  [4] most deliveries of one account
-- ARGV[5] "1" for channels whose last send failed, "0" for the others
-- returns {{delivery id, token}, ...}; the token is what a worker must show to claim it
---@include keys whole
local SCANNED = 500
local prefix, now, most, failing = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[5] == "1"
local handed, of_account = {}, {}
for _, id in ipairs(redis.call("ZRANGE", deliveries_key(prefix), "-inf", ARGV[1], "BYSCORE", "LIMIT", 0, SCANNED)) do
  if #handed == most then break end
  local key = delivery_key(prefix, id)
  local delivery = redis.call("HMGET", key, "user_id", "channel_id")
  if not delivery[1] then
    redis.call("ZREM", deliveries_key(prefix), id)
  else
    local user = delivery[1]
    local failed = redis.call("HGET", channel_key(prefix, delivery[2]), "last_status") == "error"
    if failed == failing and (of_account[user] or 0) < tonumber(ARGV[4]) then
      of_account[user] = (of_account[user] or 0) + 1
      local token = redis.call("HINCRBY", key, "token", 1)
      redis.call("HSET", key, "state", "handed")
      redis.call("ZADD", deliveries_key(prefix), whole(now + tonumber(ARGV[3])), id)
      handed[#handed + 1] = {id, whole(token)}
    end
  end
end
return handed
