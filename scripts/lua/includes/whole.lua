-- whole: a number as a string of digits; Lua's own tostring turns 14 digits and more into an exponent.
local function whole(number) return string.format("%.0f", number) end
