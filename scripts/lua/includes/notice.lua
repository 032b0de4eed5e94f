-- notice: tells the owner, by another channel, that one was turned off.
-- Of the account's channels (`ids`, JSON) it takes the one that worked last, else any that is on. What leads to the
-- same address is off by now, so it is not taken.
local function tell_off(prefix, user, ids, channel, name, said, event, now, set_off_by)
  local best, works
  for _, number in ipairs(cjson.decode(ids)) do
    local id = whole(number)
    local is = redis.call("HMGET", channel_key(prefix, id), "enabled", "last_status")
    if id ~= channel and is[1] == "1" and not works then
      works = is[2] == "ok"
      best = (works or not best) and id or best
    end
  end
  if not best then return end
  local entry = redis.call("XADD", outbox_key(prefix), "*", "id", event, "kind", "channel_off", "at", now, "user_id", user,
    "check_id", "0", "check_name", "", "check_slug", "", "tags", "", "description", "", "reason", "",
    "reason_detail", said, "overdue_ms", "", "down_since", "", "last_ping", "", "failure_count", "0",
    "channels", "[" .. best .. "]", "channel_name", name, "origin", set_off_by or "")
  mark(prefix, "outbox:" .. entry)
end
