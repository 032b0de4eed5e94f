-- runs: a check's open runs, oldest first, as {rid, started, hold}; stored as "rid,started,hold;...".
-- `hold` is the time from which the maximum runtime counts, 0 when the run doesn't hold the deadline.
local RUNS_MAX = 10

local function read_runs(check)
  local runs = {}
  for rid, started, hold in string.gmatch(check.runs, "([^,;]*),(%d+),(%d+)") do
    runs[#runs + 1] = {rid = rid, started = tonumber(started), hold = tonumber(hold)}
  end
  return runs
end

local function write_runs(check, runs)
  local parts = {}
  for i, run in ipairs(runs) do parts[i] = run.rid .. "," .. whole(run.started) .. "," .. whole(run.hold) end
  check.runs = table.concat(parts, ";")
end

-- A second start of one rid replaces the first, but the deadline still counts from the first: a job that
-- crashes and starts over for ever must not push its deadline along. So does a run that falls out.
local function open_run(check, rid, now, holds)
  local runs = read_runs(check)
  local hold = holds and now or 0
  for i, run in ipairs(runs) do
    if run.rid == rid then
      if run.hold > 0 then hold = run.hold end
      table.remove(runs, i)
      break
    end
  end
  runs[#runs + 1] = {rid = rid, started = now, hold = hold}
  if #runs > RUNS_MAX then
    local oldest = table.remove(runs, 1)
    if oldest.hold > 0 and (runs[1].hold == 0 or runs[1].hold > oldest.hold) then runs[1].hold = oldest.hold end
  end
  write_runs(check, runs)
end

-- Closes the run of the same rid, or the only one when the signal names none; a failure that matches no run
-- ends them all. Returns the closed run's duration in ms, or nil.
local function close_run(check, rid, now, failed)
  local runs = read_runs(check)
  local found
  for i, run in ipairs(runs) do
    if run.rid == rid then found = i end
  end
  if not found and #runs == 1 and (rid == "" or failed) then found = 1 end
  if found then
    local run = table.remove(runs, found)
    write_runs(check, runs)
    return math.max(0, now - run.started)
  end
  if failed then check.runs = "" end
  return nil
end
