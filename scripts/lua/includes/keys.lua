-- keys: a partition's keys, built from its prefix (KEYS[1], such as "ttr:{3}:"); ttr/store/keys.py describes them.
local function check_key(prefix, id) return prefix .. "check:" .. id end
local function log_key(prefix, id) return prefix .. "check:" .. id .. ":pings" end
local function bodies_key(prefix, id) return prefix .. "check:" .. id .. ":bodies" end
local function flips_key(prefix, id) return prefix .. "check:" .. id .. ":flips" end
local function days_key(prefix, id) return prefix .. "check:" .. id .. ":days" end
local function user_key(prefix, id) return prefix .. "user:" .. id end
local function user_checks_key(prefix, id) return prefix .. "user:" .. id .. ":checks" end
local function user_slugs_key(prefix, id) return prefix .. "user:" .. id .. ":slugs" end
local function user_tags_key(prefix, id) return prefix .. "user:" .. id .. ":tags" end
local function tag_checks_key(prefix, user, tag) return prefix .. "user:" .. user .. ":tag:" .. tag end
local function user_channels_key(prefix, id) return prefix .. "user:" .. id .. ":channels" end
local function channel_key(prefix, id) return prefix .. "channel:" .. id end
local function delivery_key(prefix, id) return prefix .. "delivery:" .. id end
local function event_key(prefix, id) return prefix .. "event:" .. id end
local function deadlines_key(prefix) return prefix .. "deadlines" end
local function deliveries_key(prefix) return prefix .. "deliveries" end
local function outbox_key(prefix) return prefix .. "outbox" end
local function clock_key(prefix) return prefix .. "clock" end
local function pending_gaps_key(prefix) return prefix .. "gaps:pending" end
local function gaps_key(prefix) return prefix .. "gaps" end
