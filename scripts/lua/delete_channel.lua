#!lua
-- delete_channel: removes a channel, some of its checks a call. The channel itself goes last, so what a crash left
-- half done is done by deleting it again. What waits for it is dropped when its turn comes.
-- KEYS[1] the partition's prefix
-- ARGV[1] user id  [2] channel id  [3] checks that use it, a JSON list: as many as one call takes
-- returns 1 gone | 0 call again | -1 no such channel
---@include keys mark changed whole listing index state channels
local prefix, user, id = KEYS[1], ARGV[1], ARGV[2]
local key, users = channel_key(prefix, id), channel_checks_key(prefix, id)
local channel = redis.call("HMGET", key, "user_id", "kind")
if channel[1] ~= user then return -1 end
redis.call("HSET", key, "enabled", "0")
for _, number in ipairs(cjson.decode(ARGV[3])) do
  local check = read_check(prefix, whole(number))
  if check then
    local own = check.own_channels == "" and {} or cjson.decode(check.own_channels)
    if own[channel[2]] and whole(own[channel[2]]) == id then
      own[channel[2]] = nil
      check.own_channels = cjson.encode(own)
      redis.call("HSET", check_key(prefix, check.id), "own_channels", check.own_channels)
    end
    use_channel(prefix, check, id, false, 0)
  end
  redis.call("SREM", users, whole(number))
end
mark(prefix, "channel:" .. id)
changed(prefix, user, "wa", "0")
if redis.call("SCARD", users) > 0 then return 0 end
redis.call("SREM", user_channels_key(prefix, user), id)
redis.call("SREM", user_defaults_key(prefix, user), id)
redis.call("DEL", key, users)
return 1
