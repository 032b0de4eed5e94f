#!lua
-- take_allowance: takes one use of a limit, or says when there will be one; a refused one changes nothing.
-- KEYS[1] the allowance, such as "ttr:allowance:bulk:7"; it expires when it is whole again
-- ARGV[1] now ms  [2] uses that may come at once  [3] µs in which one comes back
-- returns {1 allowed or 0, uses left, ms until it is whole, ms until the next use if this one was refused}
---@include whole allowance
local allowance_key, now, count, step = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local allowed, whole_at, spare = use(redis.call("GET", allowance_key), count, step, now, 0)
local reset = math.ceil(whole_at / 1000) - now
if not allowed then return {0, 0, reset, math.ceil(-spare / 1000)} end
redis.call("SET", allowance_key, whole(whole_at), "PX", whole(reset))
return {1, math.floor(spare / step), reset, 0}
