-- The scripts run inside Redis, which offers Lua 5.1 and a few libraries.
std = "lua51"
max_line_length = 130
globals = {"KEYS", "ARGV"}
read_globals = {
  "redis", "cjson", "struct", "bit",

  -- Functions of scripts/lua/includes: a command has them by its "---@include" line.
  "add_time", "arm", "held_since", "keep_body", "emit", "finish", "fail", "succeed", "flip", "read_plan",
  "read_runs", "write_runs", "open_run", "close_run", "write_settings", "foreign_channel",
  "read_check", "write_check", "set_tags", "whole",

  "check_key", "log_key", "bodies_key", "flips_key", "days_key", "user_key", "user_checks_key",
  "user_slugs_key", "user_tags_key", "tag_checks_key", "user_channels_key", "channel_key", "delivery_key",
  "event_key", "deadlines_key", "deliveries_key", "outbox_key", "clock_key", "pending_gaps_key", "gaps_key",
}
-- What an include defines is used by the commands.
files["**/includes/*.lua"] = {ignore = {"211"}}
