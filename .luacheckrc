-- The scripts run inside Redis, which offers Lua 5.1 and a few libraries.
std = "lua51"
max_line_length = 130
max_comment_line_length = 150 -- a list of includes is one line
globals = {"KEYS", "ARGV"}
read_globals = {
  "redis", "cjson", "struct", "bit",

  -- Functions of scripts/lua/includes: a command has them by its "---@include" line.
  "add_time", "add_to_days", "gaps_in", "note_gap", "arm", "arm_if_past", "held_since", "keep_body", "description_head", "emit", "set_origin", "tell_off", "finish", "release", "sending_channel", "lane_of", "lane_queue_key", "fail", "succeed", "flip", "read_plan",
  "read_runs", "write_runs", "open_run", "close_run", "write_settings", "foreign_channel", "own_ids",
  "set_channels", "use_channel",
  "output_tail", "newest_output", "may_remind", "set_reminder", "count_changes", "note_change", "stop_flapping",
  "known_facts", "tell_down", "tell_flapping", "settle",
  "ordered", "status_range", "status_of", "end_of_down", "block_of",
  "score_of", "late_from", "status_score", "index_state", "is_counted", "read_listed", "set_line", "count_interval",
  "index_settings", "index_check", "unindex_check",
  "last_touch", "is_deserted",
  "timing_of", "calm_of", "keep_before_pause", "note_in_pause",
  "use", "read_values", "read_rest", "read_pinged", "read_check", "seen_in_list", "write_check", "changed", "changes_key", "set_tags", "whole",
  "clamp", "digits", "remembers", "remember", "read_hint", "read_bucket", "write_bucket",
  "rate_sent_key", "rate_waiting_key", "rate_turns_key", "metrics_known_key", "metrics_window_key",

  "by_name_key", "by_uuid_key", "by_deadline_key", "by_last_ping_key", "by_last_duration_key", "by_status_key",
  "by_due_key", "running_key", "search_key", "user_defaults_key", "user_deliveries_key", "check_deliveries_key", "channel_checks_key",
  "user_chore_key", "chores_key", "former_slugs_key", "access_keys_key", "key_uses_key",
  "lane_key", "lanes_key", "delivery_errors_key", "reminders_key", "flapping_key", "delivery_events_key",
  "check_key", "log_key", "bodies_key", "flips_key", "days_key", "user_key", "user_checks_key",
  "user_slugs_key", "user_tags_key", "tag_checks_key", "user_channels_key", "channel_key", "delivery_key",
  "page_slugs_key", "status_page_key",
  "deadlines_key", "outbox_key", "clock_key", "pending_gaps_key", "gaps_key",
  "mark", "archive", "history_room", "dirty_key", "dirty_taken_key", "history_key", "history_taken_key", "snapshot_key",
}
-- What an include defines is used by the commands.
files["**/includes/*.lua"] = {ignore = {"211"}}
