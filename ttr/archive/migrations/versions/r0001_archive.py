"""The first form: every record as JSON, with the columns that people ask for computed from it; history; bodies."""

from alembic import op

revision = "0001"
down_revision = None

# Computed columns must not be able to fail: a snapshot that Postgres refuses is a snapshot less.
_READERS = """
create function ttr_number(value text) returns bigint immutable parallel safe language sql
  return case when value ~ '^-?[0-9]{1,18}$' then value::bigint end;
create function ttr_moment(value text) returns timestamptz immutable parallel safe language sql
  return case when value ~ '^[0-9]{1,15}$' then to_timestamp(value::double precision / 1000) end;
"""

_ARCHIVE = """
create table archive (
  id uuid primary key,
  created_at timestamptz not null default now(),
  fields jsonb not null default '{}',
  verified_at timestamptz
);
create unique index archive_is_one on archive ((true));
insert into archive (id) values (gen_random_uuid());
create table partitions (
  id smallint primary key,
  token text not null,
  saved_at timestamptz not null,
  fields jsonb not null,
  parts jsonb not null
);
"""

_COLUMNS = {
    "users": "user_slug text, public_slug text, created_at moment, version number",
    "checks": "user_id number, uuid text, name text, slug text, description text, tags text, schedule_type text, "
    "schedule text, tz text, interval_seconds number, grace_seconds number, status text, status_since moment, "
    "reason text, last_ping moment, deadline moment, last_duration_ms number, failure_count number, "
    "ping_count number, created_at moment",
    "channels": "user_id number, kind text, name text, enabled text, settings text, secret text, last_status text, "
    "last_at moment, created_at moment",
    "status_pages": "user_id number, uuid text, name text, slug text, visibility text, created_at moment",
    "lanes": "user_id number",
    "deliveries": "user_id number, number number, lane text, channel_kind text, channel_name text, state text, "
    "attempts number, created_at moment",
    "outbox": "user_id number, kind text, check_id number, at moment",
}
_READ = {
    "text": ("text", "fields ->> '{0}'"),
    "number": ("bigint", "ttr_number(fields ->> '{0}')"),
    "moment": ("timestamptz", "ttr_moment(fields ->> '{0}')"),
}
_EXPIRE = ("lanes", "deliveries")
_NAMED = ("lanes", "deliveries", "outbox")

_TAGS = """
create view tags as
  select checks.user_id, (tag ->> 0)::bigint as id, tag ->> 1 as name, checks.id as check_id
  from checks, lateral jsonb_array_elements(checks.tags::jsonb) as tag
  where checks.tags <> '';
"""

_HISTORY = """
create table pings (
  check_id bigint not null,
  number bigint not null,
  at timestamptz not null,
  kind text not null,
  duration_ms bigint,
  entry bytea not null,
  primary key (check_id, number)
);
create index pings_at on pings using brin (at);
create table flips (
  check_id bigint not null,
  number bigint not null,
  at timestamptz not null,
  "from" text not null,
  "to" text not null,
  entry bytea not null,
  primary key (check_id, number)
);
create index flips_at on flips using brin (at);
create table bodies (
  check_id bigint not null,
  number bigint not null,
  body bytea not null,
  primary key (check_id, number)
);
"""


def upgrade() -> None:
    """Make everything."""
    op.execute(_READERS)
    op.execute(_ARCHIVE)
    for table, columns in _COLUMNS.items():
        op.execute(_table(table, columns))
    for table in ("checks", "channels", "status_pages", "deliveries"):
        op.execute(f"create index {table}_of_user on {table} (user_id)")
    op.execute(_TAGS)
    op.execute(_HISTORY)


def _table(name: str, columns: str) -> str:
    lines = [
        f"id {'text' if name in _NAMED else 'bigint'} primary key",
        "partition smallint not null",
        "fields jsonb not null",
        "parts jsonb not null",
    ]
    for column in columns.split(", "):
        field, kind = column.split(" ")
        sql_type, read = _READ[kind]
        lines.append(f"{field} {sql_type} generated always as ({read.format(field)}) stored")
    if name in _EXPIRE:
        lines.append("expires_at timestamptz generated always as (ttr_moment(parts ->> 'expires')) stored")
    return f"create table {name} ({', '.join(lines)})"
