"""The data dictionary: every key in Redis, its type, its fields, and whether it must survive.

The only place in Python that builds a key name; Lua builds a partition's keys from its prefix in one
include (`scripts/lua/includes/keys.lua`). **Durable** families are what a snapshot copies and a restore must
give back; ephemeral ones may be lost at any time with no alert lost.

A partition is a hash tag: all keys of one account lie in one slot of Redis Cluster, so one script can change
them. Account `u` lives in partition `u mod PARTITIONS`: account numbers come from one counter, so the
remainder alone spreads them evenly. The number of partitions is written into `meta` by the first process
that ever starts on a Redis and verified by every later one.

Times are integer milliseconds UTC unless said otherwise; booleans are "1" and "0" (or missing).
"""

PARTITIONS = 16


def partition_of(user_id: int) -> int:
    """The partition that holds an account, its checks, channels and deliveries."""
    return user_id % PARTITIONS


# Global keys: look-ups that come before the partition is known. Claimed first, then the account's script runs.


def meta() -> str:
    """Hash, durable: `form` and `open_to`, in which form the data is and for whom (`ttr/store/form.py`); `partitions`;
    `sealed`, a word under the master key that tells a wrong one; `index_version`, that of the indexes of checks;
    `archive`, the id of the Postgres archive that holds this database's snapshots."""
    return "ttr:meta"


def sequence(kind: str) -> str:
    """Counter, durable: the last number given to a `user`, `check`, `channel` or `status-page`."""
    return f"ttr:sequence:{kind}"


def access_key(digest: str) -> str:
    """Hash, durable (made anew from `access_keys`): SHA-256 of an access key -> `user_id`. The account decides whether
    it is one of its keys. Of one that was, ephemeral, 24 hours: `ended` (replaced, revoked, blocked, deleted),
    `account`, `name`, `last4`."""
    return f"ttr:access-key:{digest}"


def ended_keys() -> str:
    """Sorted set, ephemeral: SHA-256 of an access key that was ended -> until when that is remembered, ms."""
    return "ttr:ended-keys"


def user_slug(slug: str) -> str:
    """String, durable: the account whose ping URLs carry this slug. Of a former slug it expires with that."""
    return f"ttr:user-slug:{slug}"


def public_slug(slug: str) -> str:
    """String, durable: the account whose public pages carry this slug."""
    return f"ttr:public-slug:{slug}"


def telegram(telegram_id: int) -> str:
    """String, durable: the account that a Telegram account opens, if that account says so too."""
    return f"ttr:telegram:{telegram_id}"


def telegram_spent(digest: str) -> str:
    """String, ephemeral, as long as it would be fresh: a hash of a signed login by Telegram that was used."""
    return f"ttr:telegram-spent:{digest}"


def telegram_token(digest: str) -> str:
    """String, ephemeral, 5 minutes: SHA-256 of a token that the bot has sent -> JSON list: Telegram id, name, username,
    state of the browser that it links in."""
    return f"ttr:telegram-token:{digest}"


def bot_lease() -> str:
    """String, ephemeral, 30 s: the process that asks Telegram for the bot's messages."""
    return "ttr:bot-lease"


def bot_offset(bot_id: str) -> str:
    """String, ephemeral, a day: number of the next message of a bot that is to be read."""
    return f"ttr:bot-offset:{bot_id}"


def cleanup() -> str:
    """Hash, ephemeral: `next_at` of the clocks' cleanup, ms; of one under way `beyond`, the last account that is done,
    and `checks` and `accounts`, how many it has removed."""
    return "ttr:cleanup"


def cleanup_lease() -> str:
    """String, ephemeral, a minute: the process that removes what nobody uses."""
    return "ttr:cleanup-lease"


def check_uuid(uuid: str) -> str:
    """String, durable: "account:check" of a check's UUID."""
    return f"ttr:check-uuid:{uuid}"


def restoring() -> str:
    """Hash, ephemeral, while a restore is under way or was broken off: how far it is (`ttr/archive/restore.py`)."""
    return "ttr:restoring"


def migrating() -> str:
    """Hash, ephemeral, while the data is brought to another form or that was broken off: `form`, which, and `beyond`,
    the last account that is in it."""
    return "ttr:migrating"


def migrating_lease() -> str:
    """String, ephemeral, 30 s: the process that brings the data to another form."""
    return "ttr:migrating-lease"


def archive_state() -> str:
    """Hash, ephemeral: how snapshots into Postgres go (`ttr/store/archive_state.py`); missing without an archive."""
    return "ttr:archive-state"


def reindexing() -> str:
    """String, ephemeral, 30 s: the process that builds the indexes of checks anew."""
    return "ttr:reindexing"


def session(digest: str) -> str:
    """Hash, ephemeral, expires a year after its last use: SHA-256 of a session id -> `user_id`, `created_at`,
    `opened_by` ("key:<digest>", "telegram:<Telegram id>" or "admin:<name>:<family>": the session ends with that),
    `seen_at`, `address` and `agent` of its last use, at most a minute old. One that was opened by an older version has
    `access_key` (a digest) in place of `opened_by`."""
    return f"ttr:session:{digest}"


def user_sessions(user_id: int) -> str:
    """List, ephemeral, expires with its sessions: hashes of the account's session ids, newest first."""
    return f"ttr:user-sessions:{user_id}"


def upload(user_id: int) -> str:
    """Hash, ephemeral, 15 minutes: the account file that its owner looks at before it is imported: `id`, `session` (the
    hash of the session that sent it), `sealed` (under the account's data key)."""
    return f"ttr:upload:{user_id}"


def allowance(zone: str, who: str) -> str:
    """String, ephemeral, expires when it is whole: the µs at which somebody's allowance in a zone of limits is whole
    again (`ttr/domain/allowance.py`). `who` is a hash of an access key, an account, or an address, of IPv6 its /64."""
    return f"ttr:allowance:{zone}:{who}"


def admins() -> str:
    """Hash, durable: name of an admin -> JSON with `password` (its argon2id hash), `created_at` and `changed_at`."""
    return "ttr:admins"


def admin_family(family: str) -> str:
    """Hash, ephemeral, expires with its newest refresh token: one login of an admin. `username`, `changed_at` (the
    admin's at the login: a change of the password ends it), `created_at`, `address`, `current` and `previous` (ids of
    the newest refresh token and the one before) and `rotated_at`."""
    return f"ttr:admin-family:{family}"


def admin_families(username: str) -> str:
    """List, ephemeral, expires with the newest of them: the families of an admin, newest first."""
    return f"ttr:admin-families:{username}"


def admin_log(kind: str) -> str:
    """List, ephemeral: the last 1,000 things that operators did (`done`), or of logins that were refused (`refused`),
    newest first, as JSON (`ttr/store/admin_log.py`)."""
    return f"ttr:admin-log:{kind}"


def metrics() -> str:
    """Hash, ephemeral: a series -> what all processes have counted of it (`ttr/store/metrics.py`). Its hash tag keeps
    what belongs to it together."""
    return "ttr:metrics:{all}"


def metrics_known(process: str) -> str:
    """String, ephemeral, an hour: the number of the last batch that a process has added to `metrics`."""
    return f"{metrics()}:of:{process}"


def metrics_window(slot: int) -> str:
    """Hash, ephemeral, 6.5 minutes: what was timed in a slot of 30 s, of all labels together."""
    return f"{metrics()}:{slot}"


def web_tick() -> str:
    """String, ephemeral: when a web process last could accept pings."""
    return "ttr:web-tick"


def processes() -> str:
    """Hash, ephemeral: id of a process -> what it says of itself once a second, JSON (`ttr/store/processes.py`). One
    that ends takes itself off; one that died is taken off by another, a minute and a half later at most."""
    return "ttr:processes"


def self_ping() -> str:
    """String, ephemeral, until the next one is due: the clock that pings SELF_PING_URL, or did."""
    return "ttr:self-ping"


def worker_start() -> str:
    """String, ephemeral, a minute: written by a worker that asks whether Redis takes writes."""
    return "ttr:worker-start"


def clock_tick() -> str:
    """String, ephemeral: when a clock last finished a pass over all partitions."""
    return "ttr:clock-tick"


def outside(key: bytes) -> tuple[str, str]:
    """Family and name of a key outside the partitions, such as ("check-uuid", UUID); "" for what it does not have."""
    _, family, name = (*key.decode(errors="replace").split(":", 2), "", "")[:3]
    return family, name


# A partition's keys.


def prefix(partition: int) -> str:
    """What every key of a partition begins with; handed to each script as KEYS[1]."""
    return f"ttr:{{{partition}}}:"


EVERY = "ttr:*"
"""Matches every key there is."""
OF_PARTITIONS = "ttr:{*"
"""Matches every key of every partition."""


def in_partition(key: bytes) -> tuple[int, bytes] | None:
    """The partition of a key and what follows the prefix; None for a key outside the partitions."""
    before, brace, rest = key.partition(b"}:")
    return (int(before.removeprefix(b"ttr:{")), rest) if brace and before.startswith(b"ttr:{") else None


def changes(partition: int) -> str:
    """Sharded channel, ephemeral, no key: "account version check letters" for each change, as
    `includes/changed.lua` says it. Version and check are 0 where there is none."""
    return prefix(partition) + "changes"


def deadlines(partition: int) -> str:
    """Sorted set, durable (rebuilt from the checks): check -> when it is overdue.

    Every check that is not paused, and not down with its alert given, is in it if it has a next due time.
    """
    return prefix(partition) + "deadlines"


def outbox(partition: int) -> str:
    """Stream, durable: alerts that a state change decided and the dispatcher has not yet turned into deliveries."""
    return prefix(partition) + "outbox"


def reminders(partition: int) -> str:
    """Sorted set, durable: check that is down, told and not acknowledged -> when its owner is reminded."""
    return prefix(partition) + "reminders"


def flapping(partition: int) -> str:
    """Sorted set, durable: flapping check -> when it has been calm for long enough."""
    return prefix(partition) + "flapping"


def lanes(partition: int) -> str:
    """Sorted set, durable: lane with unfinished deliveries -> when its next one is due, or when the lease of
    the worker that sends it lapses. A lane is one address of one account: "<account>-<address>"."""
    return prefix(partition) + "lanes"


def lane(partition: int, name: str) -> str:
    """Hash, durable, expires a day after it is empty: `user_id`, `destination`, `lease` (of the worker that holds it),
    `waits` (leased, turn, retry), `open` (the delivery that events may still join), `hold_until` (the service's own
    hint), `last_status`, `last_at`."""
    return f"{prefix(partition)}lane:{name}"


def lane_queue(partition: int, name: str) -> str:
    """List, durable: a lane's unfinished deliveries, oldest first. They leave one after the other."""
    return f"{lane(partition, name)}:queue"


def delivery(partition: int, delivery_id: str) -> str:
    """Hash, durable, expires a week after the end: one message to one channel.

    `user_id`, `number` (among the account's), `lane`, `channels` (",7,9,": those it leaves by),
    `channel_id` (the first), `channel_name`,
    `channel_kind`, `created_at`, `since` (queued), `state` (due, sending, delivered, failed, dropped), `attempts`,
    `base` (attempts before it was sent again by hand), `again_at` (when the next attempt is planned), `count` and
    `bytes` (of its events), `checks` (",1,2,": those it tells about), `others` (JSON of what else was down at its first
    attempt), `log` (one JSON list a line and attempt). Events join it until its first attempt; from then on it says the
    same each time.
    """
    return f"{prefix(partition)}delivery:{delivery_id}"


def delivery_events(partition: int, delivery_id: str) -> str:
    """List, durable, lives as long as its delivery: the events it tells, as JSON, oldest first."""
    return f"{delivery(partition, delivery_id)}:events"


def delivery_errors(partition: int) -> str:
    """List, ephemeral: the last 100 attempts of the partition that failed, newest first, for operators: "<account>
    <delivery> <its log's line>"."""
    return prefix(partition) + "delivery-errors"


def user_deliveries(partition: int, user_id: int) -> str:
    """List, durable: the account's last 500 deliveries, newest first; older ones are removed when they are finished."""
    return f"{user(partition, user_id)}:deliveries"


def check_deliveries(partition: int, check_id: int) -> str:
    """List, durable: the last 50 deliveries about a check, newest first."""
    return f"{check(partition, check_id)}:deliveries"


def rate(destination: str) -> str:
    """Hash, ephemeral: the token bucket of a destination, named by kind and a hash of its secret; a key outside the
    partitions, for accounts share it. Its hash tag keeps the keys of a destination together.

    `tokens`, `max_tokens`, `rps`, `at` (of the tokens), `backoff_until`, `level`, `ticket` (the last one given),
    `granted` and `reported` (ids of the last calls, by which a repeat is known)."""
    return f"ttr:rate:{{{destination}}}"


def rate_sent(destination: str) -> str:
    """Sorted set, ephemeral, 15 minutes: send that was delivered -> when; the last 10 minutes."""
    return f"{rate(destination)}:sent"


def rate_waiting(destination: str) -> str:
    """Sorted set, ephemeral: "partition:lane" that waits for a token -> its ticket; at most 10,000."""
    return f"{rate(destination)}:waiting"


def rate_turns(destination: str) -> str:
    """Sorted set, ephemeral: "partition:lane" that waits for a token -> when its place is given up."""
    return f"{rate(destination)}:turns"


def chores(partition: int) -> str:
    """Sorted set, durable: open chore, "<account>:<kind>" -> when it counts as abandoned. Work of many steps that is
    finished or undone, whatever dies."""
    return prefix(partition) + "chores"


def clock(partition: int) -> str:
    """Hash, durable: `tick`, when a clock last looked while pings were accepted."""
    return prefix(partition) + "clock"


def pending_gaps(partition: int) -> str:
    """List, durable: "from:to" of blind times whose deadlines are still being moved, oldest first."""
    return prefix(partition) + "gaps:pending"


def dirty(partition: int) -> str:
    """Hash, ephemeral: record that has changed since the last snapshot (`ttr/store/marks.py`) -> how often; of
    `bodies:<check>`, how many were kept since. At most a field for each record."""
    return prefix(partition) + "dirty"


def dirty_taken(partition: int) -> str:
    """Hash, ephemeral: what of `dirty` a snapshot under way has read; it comes back if that is broken off."""
    return prefix(partition) + "dirty:taken"


def history(partition: int) -> str:
    """List, ephemeral, while an archive takes it: how many lines were given up, then pings ("p<check>:<packed>") and
    changes ("f<check>:<number>:<entry>") on their way to Postgres, oldest first; at most 65,536."""
    return prefix(partition) + "history"


def history_taken(partition: int) -> str:
    """List, ephemeral: lines of `history` that a snapshot under way has read, and those of one that was broken off."""
    return prefix(partition) + "history:taken"


def snapshot(partition: int) -> str:
    """Hash, ephemeral: `saved`, the token of the last snapshot that Postgres is known to have; while one is under way
    its `token`, `calls` (that read for it), and `read`, the token again, once all was read."""
    return prefix(partition) + "snapshot"


def gaps(partition: int) -> str:
    """Sorted set, durable: blind time, "from:to" -> its end, none over another. Of the last 100 days, as long as the
    days of checks, and at most the newest 2,000 (20 a day, 250 KB): a clock that falters for months fills no memory."""
    return prefix(partition) + "gaps:known"


def user(partition: int, user_id: int) -> str:
    """Hash, durable: `id`, `user_slug`, `public_slug`, `created_at`, `data_key` (wrapped by the master key),
    `access_key` (in form 1: the digest of its one key, which form 2 has among `access_keys`), `keys_known` (set
    when it has none, from the start or by a revocation: no key is then learnt from its use), `renaming` (of
    a change of slugs under way, token:until:user slug:public slug:public slug before), of an account that is being
    deleted `closed_at`, `closed_user_slug` and `closed_public_slug` in place of the slugs and `data_key`: who has
    no `user_slug` is gone, `telegram_id`, `telegram_name`, `telegram_username` and `telegram_since` (of the
    Telegram account that opens it), `version` (grows with every change of anything the account sees),
    `preferences` (how its pages look, as `ttr/domain/preferences.py` has it),
    `tag_count`, `body_bytes`, `seen_at` (when somebody was in it by a key or a session, at most a day too
    early), `pages_version` (grows with every change of its status pages), `queued` and
    `queued_bytes` (events that wait for a channel), `delivery_count` (ever), `interval_count` and `interval_sum` (s,
    of the checks with an interval), `duration_count` and `duration_sum` (ms, of the checks' last runs); while its
    indexes are built anew, `reindexing` (the rebuild's token) and `reindexed_to` (the last check in those sums)."""
    return f"{prefix(partition)}user:{user_id}"


def user_checks(partition: int, user_id: int) -> str:
    """Sorted set, durable: check -> its number."""
    return f"{user(partition, user_id)}:checks"


def access_keys(partition: int, user_id: int) -> str:
    """Hash, durable: SHA-256 of each of the account's access keys -> what is known of it, JSON
    (`ttr/domain/access_key.py`)."""
    return f"{user(partition, user_id)}:access-keys"


def key_uses(partition: int, user_id: int) -> str:
    """Hash, ephemeral: SHA-256 of an access key -> "ms address" of its last use, at most a minute old."""
    return f"{user(partition, user_id)}:key-uses"


def former_slugs(partition: int, user_id: int) -> str:
    """Sorted set, durable: slug that was the account's `user_slug` -> until when pings may use it, ms."""
    return f"{user(partition, user_id)}:former-slugs"


def user_slugs(partition: int, user_id: int) -> str:
    """Hash, durable: check slug -> check."""
    return f"{user(partition, user_id)}:slugs"


def user_tags(partition: int, user_id: int) -> str:
    """Hash, durable: tag name -> tag number, while a check carries it."""
    return f"{user(partition, user_id)}:tags"


def tag_checks(partition: int, user_id: int, tag_id: int) -> str:
    """Set, durable: checks that carry the tag."""
    return f"{user(partition, user_id)}:tag:{tag_id}"


# Indexes of an account's checks, all kept by `scripts/lua/includes/index.lua` and rebuilt from the checks by
# `ttr/store/reindex.py`. Their members are check numbers of ten digits, so that equal values go by number.


def by_name(partition: int, user_id: int) -> str:
    """Sorted set, durable (rebuilt from the checks): "<folded name>\\0<number>", all scores 0."""
    return f"{user(partition, user_id)}:by:name"


def by_uuid(partition: int, user_id: int) -> str:
    """Sorted set, durable (rebuilt from the checks): check -> the first 12 digits of its UUID."""
    return f"{user(partition, user_id)}:by:uuid"


def by_deadline(partition: int, user_id: int) -> str:
    """Sorted set, durable (rebuilt from the checks): check -> its deadline, infinite without one."""
    return f"{user(partition, user_id)}:by:deadline"


def by_last_ping(partition: int, user_id: int) -> str:
    """Sorted set, durable (rebuilt from the checks): check -> its last success or failure, infinite without one."""
    return f"{user(partition, user_id)}:by:last_ping"


def by_last_duration(partition: int, user_id: int) -> str:
    """Sorted set, durable (rebuilt from the checks): check -> ms of its last run, infinite without one."""
    return f"{user(partition, user_id)}:by:last_duration"


def by_status(partition: int, user_id: int) -> str:
    """Sorted set, durable (rebuilt from the checks): check -> its status (down, new, up, paused: 0 to 3, times
    2^43) and, newest first, since when: + 2^43 - 1 - ms."""
    return f"{user(partition, user_id)}:by:status"


def by_due(partition: int, user_id: int) -> str:
    """Sorted set, durable (rebuilt from the checks): check that may become late -> its due time."""
    return f"{user(partition, user_id)}:by:due"


def running(partition: int, user_id: int) -> str:
    """Set, durable (rebuilt from the checks): checks with an open run."""
    return f"{user(partition, user_id)}:running"


def search(partition: int, user_id: int) -> str:
    """Hash, durable (rebuilt from the checks): number // 64 -> a line for each check of that block:
    "<number>\\t<folded name>\\t<folded slug>\\t<folded tags, comma separated>\\n"."""
    return f"{user(partition, user_id)}:search"


def user_chore(partition: int, user_id: int) -> str:
    """List, durable, while a chore is open: the token of whoever does it, then its journal, one JSON entry each."""
    return f"{user(partition, user_id)}:chore"


def page_slugs(partition: int, user_id: int) -> str:
    """Hash, durable: slug of a status page -> its number; holds all of the account's pages."""
    return f"{user(partition, user_id)}:status-pages"


def status_page(partition: int, page_id: int) -> str:
    """Hash, durable: `id`, `uuid`, `user_id`, `name`, `slug`, `visibility`, `layout`, `theme`, `scheme`, `intro`,
    `notice_level`, `notice_text` and `notice_at` ("" without a notice), `entries` (JSON: [[kind, value], ...] as
    `ttr/domain/status_page.py` has them), `revision`, `created_at`, `changed_at`."""
    return f"{prefix(partition)}status-page:{page_id}"


def user_channels(partition: int, user_id: int) -> str:
    """Set, durable: the account's channels."""
    return f"{user(partition, user_id)}:channels"


def user_defaults(partition: int, user_id: int) -> str:
    """Set, durable: channels that every new check gets."""
    return f"{user(partition, user_id)}:default-channels"


def channel(partition: int, channel_id: int) -> str:
    """Hash, durable: `id`, `user_id`, `kind`, `name`, `settings` (JSON), `secret` (sealed JSON: field -> value),
    `secrets_set` (JSON list of the fields in it), `destination` (whom its rate is counted against), `address` (a
    hash of kind, settings and secrets: channels with the same one share a lane), `enabled`, `default`, `revision`,
    `created_at`, `changed_at`, `own_check` (the one check it was made for), `off_reason` (gone, unsubscribed,
    unconfirmed) and `off_at` when it is off for others than its owner, `confirmed` (the address that agreed),
    `last_status` (ok, error), `last_message`, `last_at`."""
    return f"{prefix(partition)}channel:{channel_id}"


def channel_checks(partition: int, channel_id: int) -> str:
    """Set, durable: the checks that use a channel."""
    return f"{channel(partition, channel_id)}:checks"


def check(partition: int, check_id: int) -> str:
    """Hash, durable: one check.

    Set by the owner: `name`, `folded` and `folded_tags` (as they are sorted and searched, if that differs), `slug`,
    `tags` ([[id, name], ...]), `description`, `schedule_type`, `schedule`,
    `tz`, `interval_seconds`, `grace_seconds`, `max_runtime_seconds`, `notify_after_failures`, `notify_on_up`,
    `rule`, `rule_kind`, `rule_regex`, `post_only`, `remind_every_minutes`, `channels` ([id, ...]), `own_channels`
    ({kind: id, ...}).
    Fixed: `id`, `uuid`, `user_id`, `created_at`. `revision` grows with each edit; `edited_at`, the last one's time.
    State: `status`, `status_since`, `reason` and `reason_detail` (of the newest failure, while down),
    `resume_status` (what a paused check would resume to), `before_pause` and `in_pause` (JSON: what it was when it
    was paused and what its jobs said since, if that is taken back), `armed_from` (its last resume), `last_ping`,
    `last_ping_number` (that ping's number), `last_start`, `last_duration_ms`, `failure_count`, `alerted`,
    `acknowledged` (when), `reminders` (sent since it went down), `missed_due` (the run that did not come, if that
    is the newest failure), `flapping_until`, `flip_count`, `settled_at` (when it last ceased to flap), `due`,
    `deadline`, `unarmed` (waits for its due time from Python), `runs` ("rid,started,hold;..."), `ping_count`,
    `flip_number` (the newest change's), `event_count`, `last_request` (ids of the last four), `allowance` (the µs at
    which that of its pings is whole again), `body_bytes`.
    """
    return f"{prefix(partition)}check:{check_id}"


def ping_log(partition: int, check_id: int) -> str:
    """List, durable: the last pings, newest first, packed (`ttr/store/ping_log.py`)."""
    return f"{check(partition, check_id)}:pings"


def bodies(partition: int, check_id: int) -> str:
    """List, durable: bodies of pings, newest first, each behind its ping's number (4 bytes, big endian)."""
    return f"{check(partition, check_id)}:bodies"


def flips(partition: int, check_id: int) -> str:
    """List, durable: the last 200 status changes, newest first, "at|from|to|ms in the old status|reason|detail"."""
    return f"{check(partition, check_id)}:flips"


def days(partition: int, check_id: int) -> str:
    """Hash, durable: "<UTC day number>:<status or blind>" -> ms spent in that status, or of our own gaps, on that day,
    up to where the kept flips begin; 100 days. Of a check with at most 200 changes there is none."""
    return f"{check(partition, check_id)}:days"
