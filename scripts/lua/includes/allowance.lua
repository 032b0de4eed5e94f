-- allowance: one use of a limit; an allowance is the µs at which it is whole again (ttr/domain/allowance.py). So many
-- uses as `reserved` must be left after this one.
local function use(whole_at, count, step, now, reserved)
  local APART = 2000000 -- further ahead than that it is the work of a clock that was put back
  local now_us, span = now * 1000, count * step
  local base = tonumber(whole_at) or 0
  if base < now_us or base > now_us + span + APART then base = now_us end
  local spare = now_us + span - base - step * (1 + reserved)
  if spare < 0 then return nil, base, spare end
  return true, base + step, spare + step * reserved
end
