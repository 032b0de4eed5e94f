#!lua
-- begin_snapshot: begins a snapshot of a partition, or goes on giving back what one that was broken off had taken.
-- KEYS[1] the partition's prefix
-- ARGV[1] token of the snapshot  [2] most marks given back a call
-- ARGV[3] token of the snapshot that Postgres has, "" when that is none that Redis remembers
-- returns {1 if another call has more to give back, else 0, lines of history that were given up since the last one}
---@include keys
local prefix, token, most = KEYS[1], ARGV[1], tonumber(ARGV[2])
local key, history = snapshot_key(prefix), history_key(prefix)
redis.call("HSET", key, "token", token, "saved", ARGV[3], "calls", "0")
redis.call("HDEL", key, "read")
-- From here on history is kept; what came before may be missing, as it is after a restore.
if redis.call("EXISTS", history) == 0 then redis.call("RPUSH", history, "1") end
local taken = redis.call("HRANDFIELD", dirty_taken_key(prefix), most, "WITHVALUES")
for i = 1, #taken, 2 do
  redis.call("HINCRBY", dirty_key(prefix), taken[i], taken[i + 1])
  redis.call("HDEL", dirty_taken_key(prefix), taken[i])
end
return {#taken == 2 * most and 1 or 0, tonumber(redis.call("LINDEX", history, 0))}
