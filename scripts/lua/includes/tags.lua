-- tags: gives a check its tags (a JSON list of names); a tag lives as long as a check carries it.
-- Returns them as the JSON that the check's hash keeps: [[id, name], ...].
local function set_tags(prefix, user, id, before, names)
  local key = user_tags_key(prefix, user)
  local kept = {}
  local pairs_json = {}
  for _, name in ipairs(cjson.decode(names)) do
    local tag = redis.call("HGET", key, name)
    if not tag then
      tag = whole(redis.call("HINCRBY", user_key(prefix, user), "tag_count", 1))
      redis.call("HSET", key, name, tag)
    end
    redis.call("SADD", tag_checks_key(prefix, user, tag), id)
    kept[tag] = true
    pairs_json[#pairs_json + 1] = cjson.encode({tonumber(tag), name})
  end
  for _, pair in ipairs(cjson.decode(before)) do
    local tag = whole(pair[1])
    if not kept[tag] then
      redis.call("SREM", tag_checks_key(prefix, user, tag), id)
      if redis.call("EXISTS", tag_checks_key(prefix, user, tag)) == 0 then redis.call("HDEL", key, pair[2]) end
    end
  end
  return "[" .. table.concat(pairs_json, ",") .. "]"
end
