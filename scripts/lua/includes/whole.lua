-- whole: a number as a string of digits; Lua's own tostring turns 14 digits and more into an exponent. "%d" takes half as
-- long as "%.0f", and cuts where that rounds.
local function whole(number) return string.format("%d", number) end
