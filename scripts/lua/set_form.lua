#!lua
-- set_form: notes in which form the data is, unless it is in another one by now than the caller has read.
-- KEYS[1] the hash of the whole database
-- ARGV[1] form that was read, "" for none  [2] form it is in  [3] oldest form whose programs may work on it
-- returns 1 | 0 it is another one
local meta_key = KEYS[1]
if (redis.call("HGET", meta_key, "form") or "") ~= ARGV[1] then return 0 end
redis.call("HSET", meta_key, "form", ARGV[2], "open_to", ARGV[3])
return 1
