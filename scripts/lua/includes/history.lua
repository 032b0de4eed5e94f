-- history: adds a line to the history that is on its way to Postgres. The list begins with the number of lines that
-- were given up since the last snapshot; without that, nobody keeps a history, and nothing is added.
local HISTORY_MOST = 65536 -- 4 MB a partition while Postgres is away, of some 60 bytes each; 16 MB with the longest user agents
local HISTORY_GIVEN_UP = 1024

-- How many more fit into a list of lines that a snapshot took.
local function history_room(taken_key) return HISTORY_MOST - redis.call("LLEN", taken_key) end

local function archive(prefix, line)
  local key = history_key(prefix)
  if redis.call("RPUSHX", key, line) <= HISTORY_MOST then return end
  local before = tonumber(redis.call("LPOP", key))
  redis.call("LTRIM", key, HISTORY_GIVEN_UP, -1)
  redis.call("LPUSH", key, whole(before + HISTORY_GIVEN_UP))
end
