-- event: puts an alert into the outbox; its id is made here, once, and is the same whatever carries it later.
local function emit(prefix, check, kind, now, reason, detail, overdue_ms, down_since)
  check.event_count = whole((tonumber(check.event_count) or 0) + 1)
  local id = check.id .. "-" .. check.event_count .. "-" .. whole(now)
  redis.call("XADD", outbox_key(prefix), "*", "id", id, "kind", kind, "at", whole(now),
    "user_id", check.user_id, "check_id", check.id, "check_name", check.name, "check_slug", check.slug,
    "tags", check.tags, "description", check.description, "reason", reason, "reason_detail", detail,
    "overdue_ms", overdue_ms, "down_since", down_since, "last_ping", check.last_ping,
    "failure_count", check.failure_count, "channels", check.channels)
end
