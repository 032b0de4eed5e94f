-- output: the end of what a job wrote, short enough for a message. Nothing in it is trusted, not even its encoding.
local OUTPUT_BYTES = 1000

-- The end of `body`, begun at a whole UTF-8 character where there is one: such a character has at most 3 bytes 128-191
-- behind its first.
local function output_tail(body)
  if #body <= OUTPUT_BYTES then return body end
  local first = #body - OUTPUT_BYTES + 1
  for start = first, first + 3 do
    local byte = string.byte(body, start)
    if byte < 128 or byte > 191 then return string.sub(body, start) end
  end
  return string.sub(body, first)
end

-- The end of the newest body that is kept, "" without one, and "" when the last success or failure came after it: it
-- is an earlier run's then.
local function newest_output(prefix, check)
  if (tonumber(check.body_bytes) or 0) == 0 then return "" end
  local entry = redis.call("LINDEX", bodies_key(prefix, check.id), 0)
  if not entry or struct.unpack(">I4", entry) < (tonumber(check.last_ping_number) or 0) then return "" end
  return output_tail(string.sub(entry, 5))
end
