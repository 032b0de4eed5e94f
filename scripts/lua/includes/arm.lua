-- arm: sets the check's deadline from its due time or the run that holds it, in the hash and in the sorted set.
local function held_since(check)
  if check.max_runtime_seconds == "" then return nil end
  local since
  for _, run in ipairs(read_runs(check)) do
    if run.hold > 0 and (not since or run.hold < since) then since = run.hold end
  end
  return since
end

local function arm(prefix, check)
  local deadline
  local told = check.status == "down" and check.alerted == "1"
  if check.status ~= "paused" and not told then
    local since = held_since(check)
    if since then
      deadline = since + tonumber(check.max_runtime_seconds) * 1000
    elseif check.due ~= "" then
      deadline = tonumber(check.due) + tonumber(check.grace_seconds) * 1000
    end
  end
  check.deadline = deadline and whole(deadline) or ""
  if check.deadline == (check.armed or check.before.deadline) then return end
  check.armed = check.deadline -- an edit arms twice, the second time perhaps to where it was before
  if deadline then
    redis.call("ZADD", deadlines_key(prefix), check.deadline, check.id)
  else
    redis.call("ZREM", deadlines_key(prefix), check.id)
  end
end

-- An edit never makes a check overdue: if its deadline has passed, it is armed from now, with `due` counted from now.
local function arm_if_past(prefix, check, now, due)
  if check.deadline == "" or tonumber(check.deadline) > now then return end
  local runs = read_runs(check)
  for _, run in ipairs(runs) do
    if run.hold > 0 then run.hold = now end
  end
  write_runs(check, runs)
  check.due = due
  arm(prefix, check)
end
