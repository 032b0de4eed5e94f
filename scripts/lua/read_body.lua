#!lua flags=no-writes
-- read_body: the body of one ping, or of the newest ping that has one.
-- KEYS[1] the partition's prefix
-- ARGV[1] check id  [2] ping number or "" for the newest
-- returns {ping number, body} or {} when none is kept
---@include keys
local bodies = redis.call("LRANGE", bodies_key(KEYS[1], ARGV[1]), 0, ARGV[2] == "" and 0 or 999)
for _, entry in ipairs(bodies) do
  local number = struct.unpack(">I4", entry)
  if ARGV[2] == "" or number == tonumber(ARGV[2]) then return {number, string.sub(entry, 5)} end
end
return {}
