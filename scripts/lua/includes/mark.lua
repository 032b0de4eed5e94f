-- mark: says that a record has changed since the last snapshot, which counts how often. A record is a key with what
-- belongs to it, named by what follows the partition's prefix: "check:12"; ttr/store/marks.py lists the kinds.
local function mark(prefix, record) redis.call("HINCRBY", dirty_key(prefix), record, 1) end
