-- reminders: the sorted set of checks whose owner is told again, and when.
local function may_remind(check)
  return check.status == "down" and check.alerted == "1" and check.acknowledged == ""
    and check.flapping_until == "" and check.remind_every_minutes ~= ""
end

-- Counts from now: after a gap there is one reminder, not one for each that was missed.
local function set_reminder(prefix, check, now)
  if may_remind(check) then
    local at = now + tonumber(check.remind_every_minutes) * 60000
    redis.call("ZADD", reminders_key(prefix), whole(at), check.id)
  else
    redis.call("ZREM", reminders_key(prefix), check.id)
  end
end
