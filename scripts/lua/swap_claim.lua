#!lua
-- swap_claim: gives a claim to another owner, or drops it, if it is still the first one's: in one step, for a claim that
-- was let go is anybody's at once.
-- KEYS[1] the claim, such as "ttr:check-uuid:<uuid>"
-- ARGV[1] whose it must be  [2] whose it becomes; "" drops it
-- returns 1 when it is the second one's now, else 0
local claim_key = KEYS[1]
local found = redis.call("GET", claim_key)
if ARGV[2] == "" then
  if found == ARGV[1] then redis.call("DEL", claim_key) end
  return (not found or found == ARGV[1]) and 1 or 0
end
-- The second one's already: this is asked again after a lost answer.
if found == ARGV[2] then return 1 end
if found ~= ARGV[1] then return 0 end
redis.call("SET", claim_key, ARGV[2])
return 1
