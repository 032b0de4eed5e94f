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
local function by_name_key(prefix, id) return prefix .. "user:" .. id .. ":by:name" end
local function by_uuid_key(prefix, id) return prefix .. "user:" .. id .. ":by:uuid" end
local function by_deadline_key(prefix, id) return prefix .. "user:" .. id .. ":by:deadline" end
local function by_last_ping_key(prefix, id) return prefix .. "user:" .. id .. ":by:last_ping" end
local function by_last_duration_key(prefix, id) return prefix .. "user:" .. id .. ":by:last_duration" end
local function by_status_key(prefix, id) return prefix .. "user:" .. id .. ":by:status" end
local function by_due_key(prefix, id) return prefix .. "user:" .. id .. ":by:due" end
local function running_key(prefix, id) return prefix .. "user:" .. id .. ":running" end
local function search_key(prefix, id) return prefix .. "user:" .. id .. ":search" end
local function former_slugs_key(prefix, id) return prefix .. "user:" .. id .. ":former-slugs" end
local function access_keys_key(prefix, id) return prefix .. "user:" .. id .. ":access-keys" end
local function key_uses_key(prefix, id) return prefix .. "user:" .. id .. ":key-uses" end
local function user_defaults_key(prefix, id) return prefix .. "user:" .. id .. ":default-channels" end
local function user_deliveries_key(prefix, id) return prefix .. "user:" .. id .. ":deliveries" end
local function check_deliveries_key(prefix, id) return prefix .. "check:" .. id .. ":deliveries" end
local function user_chore_key(prefix, id) return prefix .. "user:" .. id .. ":chore" end
local function user_channels_key(prefix, id) return prefix .. "user:" .. id .. ":channels" end
local function channel_key(prefix, id) return prefix .. "channel:" .. id end
local function channel_checks_key(prefix, id) return prefix .. "channel:" .. id .. ":checks" end
local function page_slugs_key(prefix, id) return prefix .. "user:" .. id .. ":status-pages" end
local function status_page_key(prefix, id) return prefix .. "status-page:" .. id end
local function lane_key(prefix, id) return prefix .. "lane:" .. id end
local function lane_queue_key(prefix, id) return prefix .. "lane:" .. id .. ":queue" end
local function lanes_key(prefix) return prefix .. "lanes" end
local function reminders_key(prefix) return prefix .. "reminders" end
local function flapping_key(prefix) return prefix .. "flapping" end
local function delivery_key(prefix, id) return prefix .. "delivery:" .. id end
local function delivery_events_key(prefix, id) return prefix .. "delivery:" .. id .. ":events" end
local function delivery_errors_key(prefix) return prefix .. "delivery-errors" end
local function deadlines_key(prefix) return prefix .. "deadlines" end
local function outbox_key(prefix) return prefix .. "outbox" end
local function chores_key(prefix) return prefix .. "chores" end
local function clock_key(prefix) return prefix .. "clock" end
local function changes_key(prefix) return prefix .. "changes" end
local function pending_gaps_key(prefix) return prefix .. "gaps:pending" end
local function gaps_key(prefix) return prefix .. "gaps:known" end
local function dirty_key(prefix) return prefix .. "dirty" end
local function dirty_taken_key(prefix) return prefix .. "dirty:taken" end
local function history_key(prefix) return prefix .. "history" end
local function history_taken_key(prefix) return prefix .. "history:taken" end
local function snapshot_key(prefix) return prefix .. "snapshot" end
local function rate_sent_key(rate) return rate .. ":sent" end
local function rate_waiting_key(rate) return rate .. ":waiting" end
local function rate_turns_key(rate) return rate .. ":turns" end
local function metrics_known_key(sums, process) return sums .. ":of:" .. process end
local function metrics_window_key(sums, slot) return sums .. ":" .. slot end

-- A lane's name: channels of an account that lead to the same address share one.
local function lane_of(user, channel, address)
  if not address or address == "" then return user .. "-c" .. channel end
  return user .. "-" .. address
end
