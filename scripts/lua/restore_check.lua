#!lua
-- restore_check: puts a check of a snapshot back, with its places in sets and indexes; a repeat changes nothing but the
-- sums in its account's hash, which is put back last. With `due` it is armed anew, so that nobody is told of a run
-- whose ping came after the snapshot.
-- KEYS[1] the partition's prefix
-- ARGV[1] check id  [2] when its owner is reminded, ms or ""  [3] until when it flaps, ms or ""
-- ARGV[4] "1" to arm it anew  [5] then its next due time, ms or "" for never  [6] and now, ms
-- ARGV[7...] field, value, ... of its hash
-- returns 1
---@include keys mark whole listing index runs arm
local prefix, id = KEYS[1], ARGV[1]
local key, remind_at = check_key(prefix, id), ARGV[2]
local check = setmetatable({id = id, before = {}}, {__index = function() return "" end})
for i = 7, #ARGV, 2 do check[ARGV[i]] = ARGV[i + 1] end
local user = check.user_id
redis.call("HSET", key, unpack(ARGV, 7))
if ARGV[4] == "1" and check.deadline ~= "" then
  local runs = read_runs(check)
  for _, run in ipairs(runs) do run.hold = 0 end
  write_runs(check, runs)
  check.due, check.unarmed = ARGV[5], ""
  arm(prefix, check)
  redis.call("HSET", key, "due", check.due, "deadline", check.deadline, "runs", check.runs, "unarmed", "")
  mark(prefix, "check:" .. id)
elseif check.deadline ~= "" then
  redis.call("ZADD", deadlines_key(prefix), check.deadline, id)
end
if remind_at ~= "" then
  if ARGV[4] == "1" then
    remind_at = whole(math.max(tonumber(remind_at), tonumber(ARGV[6]) + tonumber(check.remind_every_minutes) * 60000))
  end
  redis.call("ZADD", reminders_key(prefix), remind_at, id)
end
if ARGV[3] ~= "" then redis.call("ZADD", flapping_key(prefix), ARGV[3], id) end
redis.call("ZADD", user_checks_key(prefix, user), id, id)
if check.slug ~= "" then redis.call("HSET", user_slugs_key(prefix, user), check.slug, id) end
if check.tags ~= "" then
  for _, tag in ipairs(cjson.decode(check.tags)) do
    redis.call("HSET", user_tags_key(prefix, user), tag[2], whole(tag[1]))
    redis.call("SADD", tag_checks_key(prefix, user, whole(tag[1])), id)
  end
end
if check.channels ~= "" then
  for _, channel in ipairs(cjson.decode(check.channels)) do redis.call("SADD", channel_checks_key(prefix, whole(channel)), id) end
end
index_check(prefix, check)
return 1
