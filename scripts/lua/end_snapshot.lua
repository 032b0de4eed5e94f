#!lua
-- end_snapshot: forgets what a snapshot has taken, once Postgres has it.
-- KEYS[1] the partition's prefix
-- ARGV[1] token of the snapshot  [2] lines of history that begin_snapshot said were given up
-- returns 1, also for a repeat | 0 another snapshot has begun
---@include keys whole
local prefix, token = KEYS[1], ARGV[1]
local key, history = snapshot_key(prefix), history_key(prefix)
local begun = redis.call("HGET", key, "token")
if not begun and redis.call("HGET", key, "saved") == token then return 1 end
if begun ~= token then return 0 end
redis.call("UNLINK", dirty_taken_key(prefix), history_taken_key(prefix))
redis.call("HSET", key, "saved", token)
redis.call("HDEL", key, "token", "read", "calls")
local given_up = tonumber(redis.call("LINDEX", history, 0) or "0")
redis.call("LSET", history, 0, whole(math.max(0, given_up - tonumber(ARGV[2]))))
return 1
