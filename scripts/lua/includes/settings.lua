-- settings: writes what an owner set (field, value, ... from ARGV[first]) and keeps it in the table as well.
local function write_settings(prefix, check, first)
  local values = {}
  for i = first, #ARGV, 2 do
    values[#values + 1], values[#values + 2] = ARGV[i], ARGV[i + 1]
    check[ARGV[i]] = ARGV[i + 1]
  end
  redis.call("HSET", check_key(prefix, check.id), unpack(values))
end
