-- plan: what Python needs to work out a check's next due time and to judge a ping's body.
local function read_plan(prefix, id)
  return redis.call("HMGET", check_key(prefix, id), "revision", "user_id", "schedule_type", "schedule", "tz",
    "interval_seconds", "rule", "rule_kind", "rule_regex", "post_only", "slug", "uuid")
end
