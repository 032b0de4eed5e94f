-- channels: which channels a check uses, kept in the check and, the other way round, in each channel.
-- The first id of the JSON list `wanted` that the check can't use: none of the account's, or another check's own.
local function foreign_channel(prefix, user, check_id, wanted)
  for _, number in ipairs(cjson.decode(wanted)) do
    local channel = whole(number)
    if redis.call("SISMEMBER", user_channels_key(prefix, user), channel) == 0 then return channel end
    local own = redis.call("HGET", channel_key(prefix, channel), "own_check")
    if own and own ~= "" and own ~= check_id then return channel end
  end
end

-- The ids of the channels that only this check uses, as a set.
local function own_ids(check)
  local ids = {}
  if check.own_channels ~= "" then
    for _, number in pairs(cjson.decode(check.own_channels)) do ids[whole(number)] = true end
  end
  return ids
end

-- Replaces the check's channels by the list `wanted`. Its own ones always stay: they are turned off or deleted, for
-- one that is shown as on and gets no alerts would be a lie.
local function set_channels(prefix, check, wanted)
  local own, kept, list = own_ids(check), {}, {}
  local function keep(channel)
    if kept[channel] then return end
    kept[channel] = true
    list[#list + 1] = channel
    redis.call("SADD", channel_checks_key(prefix, channel), check.id)
  end
  for _, number in ipairs(wanted) do keep(whole(number)) end
  for _, number in ipairs(cjson.decode(check.channels)) do
    local channel = whole(number)
    if own[channel] then
      keep(channel)
    elseif not kept[channel] then
      redis.call("SREM", channel_checks_key(prefix, channel), check.id)
    end
  end
  check.channels = "[" .. table.concat(list, ",") .. "]"
  redis.call("HSET", check_key(prefix, check.id), "channels", check.channels)
  mark(prefix, "check:" .. check.id)
end

-- Makes a check use a channel (on) or not. Returns whether that was possible: it has at most `most` besides its own.
local function use_channel(prefix, check, channel, on, most)
  local own, list, shared = own_ids(check), {}, 0
  for _, number in ipairs(cjson.decode(check.channels)) do
    local id = whole(number)
    if id ~= channel then
      list[#list + 1] = id
      if not own[id] then shared = shared + 1 end
    elseif on then
      return true
    end
  end
  if on then
    if shared >= most and not own[channel] then return false end
    list[#list + 1] = channel
  end
  set_channels(prefix, check, list)
  return true
end
