-- bodies: keeps a ping's body, newest first, each behind its ping's number (4 bytes), inside the caps.
-- Older bodies of this check make room; one that finds none is not kept. Returns whether this one is.
local function keep_body(prefix, check, number, body, most, check_cap, account_cap)
  local key = bodies_key(prefix, check.id)
  local used = tonumber(check.body_bytes) or 0
  local of_account = tonumber(redis.call("HGET", user_key(prefix, check.user_id), "body_bytes") or "0")
  -- What can't fit even in place of this check's own bodies leaves those alone.
  if #body > check_cap or of_account - used + #body > account_cap then return false end
  redis.call("LPUSH", key, struct.pack(">I4", number) .. body)
  mark(prefix, "bodies:" .. check.id)
  local change, kept = #body, redis.call("LLEN", key)
  while kept > 0 and (kept > most or used + change > check_cap or of_account + change > account_cap) do
    change = change - (#redis.call("RPOP", key) - 4)
    kept = kept - 1
  end
  check.body_bytes = whole(used + change)
  redis.call("HINCRBY", user_key(prefix, check.user_id), "body_bytes", whole(change))
  return kept > 0
end
