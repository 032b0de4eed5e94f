-- settings: writes what an owner set (field, value, ... in `args` from `first` on) and keeps it in the table as well.
local function write_settings(prefix, check, args, first)
  local values = {}
  for i = first, #args, 2 do
    values[#values + 1], values[#values + 2] = args[i], args[i + 1]
    check[args[i]] = args[i + 1]
  end
  redis.call("HSET", check_key(prefix, check.id), unpack(values))
end
