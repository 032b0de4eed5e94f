-- event: puts an alert into the outbox; its id is made here, once, and is the same whatever carries it later.
-- A message shows less of a description than its first 1,000 bytes, and each queued copy costs memory.
local DESCRIPTION_BYTES = 1000

-- The id of what set the script off, which its events take along for the log. It outlives the call, as everything here
-- does: each command with events in it sets it first.
local origin = ""
local function set_origin(id) origin = id or "" end

-- The beginning of `text`, ended at a whole UTF-8 character, which has at most 3 bytes 128-191 behind its first.
local function description_head(text)
  if #text <= DESCRIPTION_BYTES then return text end
  for last = DESCRIPTION_BYTES, DESCRIPTION_BYTES - 3, -1 do
    local following = string.byte(text, last + 1)
    if following < 128 or following > 191 then return string.sub(text, 1, last) end
  end
  return string.sub(text, 1, DESCRIPTION_BYTES)
end

-- `facts` holds reason, detail, overdue_ms, down_since, output, status and flips, each where it applies.
local function emit(prefix, check, kind, now, facts)
  check.event_count = whole((tonumber(check.event_count) or 0) + 1)
  local id = check.id .. "-" .. check.event_count .. "-" .. whole(now)
  local entry = redis.call("XADD", outbox_key(prefix), "*", "id", id, "kind", kind, "at", whole(now),
    "user_id", check.user_id, "check_id", check.id, "check_name", check.name, "check_slug", check.slug,
    "tags", check.tags, "description", description_head(check.description), "reason", facts.reason or "",
    "reason_detail", facts.detail or "", "overdue_ms", facts.overdue_ms or "",
    "down_since", facts.down_since or "", "last_ping", check.last_ping, "failure_count", check.failure_count,
    "output", facts.output or "", "status", facts.status or "", "flips", facts.flips or "",
    "reminders", check.reminders, "may_acknowledge", may_remind(check) and "1" or "",
    "channels", check.channels, "origin", origin)
  mark(prefix, "outbox:" .. entry)
end
