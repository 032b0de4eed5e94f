#!lua
-- put_event: puts an event that no state change decided into the outbox.
-- KEYS[1] the partition's prefix
-- ARGV[1...] field, value, ... as in includes/event.lua
-- returns the entry's id in the stream
---@include keys mark
local entry = redis.call("XADD", outbox_key(KEYS[1]), "*", unpack(ARGV, 1))
mark(KEYS[1], "outbox:" .. entry)
return entry
