-- settings: writes what an owner set (field, value, ... from ARGV[first]) and keeps it in the table as well.
local function write_settings(prefix, check, first)
  local values = {}
  for i = first, #ARGV, 2 do
    values[#values + 1], values[#values + 2] = ARGV[i], ARGV[i + 1]
    check[ARGV[i]] = ARGV[i + 1]
  end
  redis.call("HSET", check_key(prefix, check.id), unpack(values))
end

-- The first of the account's ids in the JSON list `channels` that is no channel of the account, or nil.
local function foreign_channel(prefix, user, channels)
  for _, channel in ipairs(cjson.decode(channels)) do
    if redis.call("SISMEMBER", user_channels_key(prefix, user), whole(channel)) == 0 then return whole(channel) end
  end
end
