"""The only reader of the environment: every setting, its name, default and limits, in one frozen value."""

import os
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ttr.address import Network, parse_networks
from ttr.domain.access_key import Enforced
from ttr.domain.allowance import DEFAULTS, Limit, parse_limits
from ttr.domain.limits import SELF_PING_URL_MAX
from ttr.masterkey import read_master_keys
from ttr.redis_tls import Verify, refuse_ca_file, with_tls

# Settings of the seed that mean nothing here, and why; setting one is a warning, never a crash.
OBSOLETE = {
    "DEBUG_MODE": "there is no mode without Redis; `make run` brings its own",
    "ALGORITHM": "tokens are always HS256",
    "SCHEDULER_INTERVAL_SECONDS": "the clock sleeps until the earliest deadline instead of polling",
    "STATS_CACHE_TTL_SECONDS": "counters are kept as they change",
    "INCR_BUFFER_ENABLED": "counters are written in the script that changes them",
    "INCR_BUFFER_FLUSH_INTERVAL_MS": "counters are written in the script that changes them",
    "INCR_BUFFER_MAX_OPS": "counters are written in the script that changes them",
    "AUTO_START_EMBEDDED_WORKER": "`ttr up` starts the worker of the Procfile",
    "WORKER_CONCURRENCY": "one worker sends to 500 addresses at a time; start more workers for more",
    "TELEGRAM_RATE_LIMIT_PER_MIN": "RC_ASSUMED_LIMIT_PER_MIN is the limit for every service",
    "EMBED_BEAT": "the clock is a process of its own",
    "SECURITY_HEADERS_ENABLED": "every answer has its security headers; nothing is served better without them",
    "CSP_USER_DASHBOARD": "pages load nothing from elsewhere, so there is nothing to allow",
    "UVICORN_LOG_LEVEL": "LOG_LEVEL sets the level of every part",
    "SAVE_CHECK_LAST_LOGS": "pings are always kept; PING_LOG_ENTRIES says how many",
    "USER_ALLOWED_REQUEST_ORIGINS": "each access key has a list of origins of its own",
    "SITE_BASE_URL": "PUBLIC_URL has taken its place",
}

# What docker-compose.yml and Compose read in the same .env.
OF_COMPOSE = frozenset(
    {
        "POSTGRES_PASSWORD",
        "PUBLISH",
        "SITE_ADDRESS",
        "PROXY_IN_FRONT",
        "NETWORK_PREFIX",
        "CLOUDFLARED_TOKEN",
        "CLOUDFLARE_TUNNEL_TOKEN",
        "CLOUDFLARED_URL",
        "CLOUDFLARED_OPTS",
        "COMPOSE_PROFILES",
        "COMPOSE_PROJECT_NAME",
        "COMPOSE_FILE",
    }
)


class SettingsError(ValueError):
    """A setting has a value that can't be used; the text names it and says what would do."""


class Settings(BaseModel):
    """One field a setting; the environment variable is the field's name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    port: int = Field(8000, ge=1, le=65535, description="port of the web process")
    host: str = Field("127.0.0.1", description="address the web process listens on")
    ttr_data_dir: Path = Field(
        Path(".ttr"), description="folder of the embedded servers and generated secrets"
    )
    ttr_env: Literal["development", "production"] = Field(
        "development", description="in production a missing secret is a refusal to start"
    )
    redis_url: str | None = Field(None, description="Redis as the database; unset: an embedded one")
    redis_cluster: bool = Field(
        False, description="whether REDIS_URL names nodes of a Redis Cluster; needs QUEUE_REDIS_URL"
    )
    redis_appendfsync: Literal["everysec", "always"] = Field(
        "everysec", description="when the embedded Redis has its file written to the disk"
    )
    queue_redis_url: str | None = Field(None, description="Redis of the job queue; unset: REDIS_URL")
    redis_tls_verify: Verify = Field(
        "full", description="what of a rediss:// certificate is checked; ca: all but its name; none: nothing"
    )
    redis_ca_file: Path | None = Field(
        None, description="who may have signed a rediss:// certificate (PEM); unset: whom the system trusts"
    )
    database_url: str | None = Field(None, description="Postgres as the archive; unset: an embedded one")
    embedded_postgres: Literal["on", "off"] = Field(
        "on", description="whether `ttr up` starts a Postgres of its own when DATABASE_URL is unset"
    )
    secret_key: str | None = Field(
        None, description="signs the tokens of forms and admins; unset: generated into the data directory"
    )
    encryption_key: str | None = Field(
        None, description="Fernet keys that wrap the accounts' data keys, newest first, comma separated"
    )
    public_url: str | None = Field(
        None, description="base of ping URLs as jobs see it; unset: from the request"
    )
    user_slug_enabled: bool = Field(True, description="whether owners may change the slug in their ping URLs")
    xauth_enforce_ip: bool = Field(
        True, description="whether access keys refuse addresses not in their lists"
    )
    xauth_enforce_origin: bool = Field(
        True, description="whether access keys refuse origins not in their lists"
    )
    access_token_expire_minutes: int = Field(
        30, ge=1, le=1_440, description="minutes that an admin's access token lasts"
    )
    admin_refresh_token_expire_days: int = Field(
        30, ge=1, le=365, description="days after which an admin who did not come back must log in again"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least level that is logged"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto",
        description="lines for people (console) or for machines (json); auto: json in production, else console",
    )

    ping_door: Literal["fast", "asgi"] = Field(
        "fast",
        description="who answers pings: a door of their own in front of the web server, or the web server",
    )
    access_log: Literal["pages", "all", "off"] = Field(
        "pages",
        description="which requests are logged; pages: all but pings, badges, files, streams, /health, /metrics",
    )

    metrics_token: str | None = Field(
        None, description="opens /metrics to a scraper; unset: only admins' tokens do"
    )

    metrics_summary: Literal["public", "admin"] = Field(
        "public",
        description="who sees the installation's figures on pages and by the API: everybody, or admins",
    )

    telegram_api_url: str = Field("https://api.telegram.org", description="where bots are reached")
    telegram_auth_enabled: bool = Field(
        False, description="whether people may log in by Telegram, through a bot of this installation"
    )
    telegram_bot_name: str | None = Field(None, description="that bot's user name, without its @")
    telegram_bot_token: str | None = Field(None, description="that bot's token, from BotFather")
    telegram_auth_max_age_seconds: int = Field(
        300, ge=30, le=86_400, description="how long a login that Telegram has confirmed may be used"
    )
    smtp_host: str | None = Field(None, description="mail server; unset: no e-mail channels")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="how the connection to it is secured"
    )
    smtp_user: str | None = Field(None, description="user name there, if it wants one")
    smtp_password: str | None = Field(None, description="password there")
    smtp_from: str | None = Field(None, description="sender of e-mail, such as `ttr <alerts@example.org>`")
    email_confirm: Literal["on", "off"] | None = Field(
        None, description="whether an address must agree before alerts go there; unset: on in production"
    )

    self_ping_url: str | None = Field(
        None, description="what a clock pings while all that alerts need is well: a check of another monitor"
    )
    self_ping_interval_seconds: int = Field(60, ge=10, le=3_600, description="seconds between those pings")

    flap_window_seconds: int = Field(
        120, ge=1, le=3_600, description="window in which status changes are counted"
    )
    flap_threshold_changes: int = Field(
        6, ge=0, le=100, description="changes in the window that count as flapping; 0: never"
    )
    flap_suppression_seconds: int = Field(
        180, ge=1, le=86_400, description="calm after which a flapping check is announced again"
    )

    rc_start_rps: float = Field(0.5, gt=0, le=1_000, description="messages per second to a new destination")
    rc_rps_min: float = Field(0.1, gt=0, le=1_000, description="least rate")
    rc_rps_max: float = Field(2.0, gt=0, le=1_000, description="greatest rate")
    rc_burst_max: float = Field(5, ge=1, le=1_000, description="messages that may leave at once")
    rc_ai_step: float = Field(0.05, ge=0, le=100, description="added to the rate by each success")
    rc_md_factor: float = Field(0.5, gt=0, le=1, description="the rate's factor after a 429")
    rc_md_soft: float = Field(0.8, gt=0, le=1, description="the rate's factor after a 5xx or no answer")
    rc_backoff_base: float = Field(2, gt=0, le=3_600, description="seconds of the first back-off")
    rc_backoff_max: float = Field(300, gt=0, le=86_400, description="most seconds of a back-off of our own")
    rc_backoff_level_max: int = Field(6, ge=1, le=20, description="doublings of the back-off")
    rc_drip_rps: float | None = Field(
        None,
        gt=0,
        le=1_000,
        description="rate that is kept in any case; unset: RC_RPS_MIN, at least 1 a minute",
    )
    rc_assumed_limit_per_min: float = Field(
        30, gt=0, le=60_000, description="limit of the services that is assumed; caps the rate as well"
    )
    rc_state_ttl_seconds: int = Field(
        86_400, ge=60, le=31_536_000, description="how long a destination's rate is remembered"
    )

    egress_allow: tuple[Network, ...] = Field(
        (), description="private networks (CIDR, comma separated) that messages to users' URLs may reach"
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (),
        description="networks (CIDR, comma separated) of proxies, whose forwarded headers are believed; "
        "none by default",
    )
    geoip_database_path: Path | None = Field(
        None,
        description="MaxMind database (.mmdb) of the countries of addresses; unset: only proxies tell them",
    )
    rate_limits: tuple[Limit, ...] = Field(
        DEFAULTS,
        description="limits of calls and pings: `off`, or `zone=count/seconds` and `zone=off` by comma",
    )

    snapshot_interval_seconds: float = Field(
        10, ge=1, le=3_600, description="seconds between snapshots into Postgres"
    )
    history_days: int = Field(
        365, ge=1, le=3_650, description="days that pings and changes of status stay in Postgres"
    )
    history_pings_per_check: int = Field(
        10_000, ge=1_000, le=10_000_000, description="pings of a check that stay in Postgres"
    )

    cleanup_enabled: bool = Field(
        False, description="whether checks and accounts that nobody uses are removed by and by"
    )
    cleanup_inactive_days: int = Field(
        180, ge=30, le=3_650, description="days without a ping or a touch after which they are"
    )
    cleanup_interval_hours: int = Field(24, ge=1, le=720, description="hours between looks for them")

    ping_body_limit: int = Field(
        100_000, ge=0, le=1_000_000, description="bytes of a ping's body that are kept"
    )
    ping_body_max: int = Field(
        10_000_000, ge=1_000, le=100_000_000, description="bytes above which a ping is refused"
    )
    ping_log_entries: int = Field(100, ge=1, le=1_000, description="pings kept per check")
    body_bytes_per_check: int = Field(
        300_000, ge=0, le=10_000_000, description="bytes of bodies kept per check"
    )
    body_bytes_per_account: int = Field(20_000_000, ge=0, description="bytes of bodies kept per account")
    checks_per_account: int = Field(10_000, ge=1, description="checks an account may have")
    channels_per_account: int = Field(1_000, ge=1, description="channels an account may have")
    status_pages_per_account: int = Field(20, ge=1, le=1_000, description="status pages an account may have")

    @field_validator("egress_allow", "trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return parse_networks(value)

    @field_validator("rate_limits", mode="before")
    @classmethod
    def _limits(cls, value: object) -> object:
        return parse_limits(value) if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _of_postgres(cls, value: str | None) -> str | None:
        if value is None:
            return None
        # The seed's, like any of SQLAlchemy's, may name a driver: postgresql+asyncpg://
        value = re.sub(r"^(postgres(?:ql)?)\+[a-z0-9_]+://", r"\1://", value)
        # It holds a password: no message may quote it.
        if not value.startswith(("postgres://", "postgresql://")):
            raise ValueError("must begin with postgresql:// or postgres://")
        return value

    @field_validator("redis_ca_file")
    @classmethod
    def _of_certificates(cls, value: Path | None) -> Path | None:
        if value is not None:
            refuse_ca_file(value)
        return value

    @field_validator("metrics_token")
    @classmethod
    def _of_a_scraper(cls, value: str | None) -> str | None:
        # No message may quote it.
        if value is not None and not re.fullmatch(r"[!-~]{16,512}", value, re.ASCII):
            raise ValueError(
                "is 16 to 512 letters, digits and signs without spaces; "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"
            )
        return value

    @field_validator("self_ping_url")
    @classmethod
    def _of_a_monitor(cls, value: str | None) -> str | None:
        # Whoever knows it can ping in our place: no message may quote it.
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            parts.port  # noqa: B018  # raises when it is none
            fits = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            fits = False
        if not fits or re.search(r"[\s\x00-\x1f\x7f]", value) or len(value) > SELF_PING_URL_MAX:
            raise ValueError(
                f"must be a URL that begins with http:// or https://, of at most {SELF_PING_URL_MAX:,} characters"
            )
        return value

    @field_validator("telegram_bot_name")
    @classmethod
    def _of_a_bot(cls, value: str | None) -> str | None:
        name = value.strip().removeprefix("@") if value else None
        if name is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{3,31}", name, re.ASCII):
            raise ValueError("is a user name of Telegram, such as AcmeJobsBot")
        return name

    @field_validator("telegram_bot_token")
    @classmethod
    def _from_botfather(cls, value: str | None) -> str | None:
        # No message may quote it.
        if value is not None and not re.fullmatch(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}", value, re.ASCII):
            raise ValueError("is a number, a colon, and letters and digits; copy it from BotFather")
        return value

    @model_validator(mode="after")
    def _whole_cluster(self) -> "Settings":
        if self.redis_cluster and not self.redis_url:
            raise ValueError("REDIS_CLUSTER needs REDIS_URL as well: one node of the cluster")
        if self.redis_cluster and not self.queue_redis_url:
            raise ValueError(
                "REDIS_CLUSTER needs QUEUE_REDIS_URL as well: the job queue (RQ) runs on a single Redis"
            )
        return self

    @model_validator(mode="after")
    def _whole_bot(self) -> "Settings":
        if self.telegram_auth_enabled and not (self.telegram_bot_name and self.telegram_bot_token):
            raise ValueError("TELEGRAM_AUTH_ENABLED needs TELEGRAM_BOT_NAME and TELEGRAM_BOT_TOKEN as well")
        return self

    @field_validator("public_url", "telegram_api_url")
    @classmethod
    def _no_trailing_slash(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/") if value else value

    def limit(self, zone: str) -> Limit | None:
        """The limit of a zone; None when nothing limits it."""
        return next((limit for limit in self.rate_limits if limit.zone == zone), None)

    @property
    def pages_url(self) -> str:
        """Where people reach the pages, for links in messages; "" when nobody has said so in production."""
        if self.public_url:
            return self.public_url
        return "" if self.production else f"http://localhost:{self.port}"

    @property
    def bot_lacks(self) -> str:
        """What `ttr bot` needs before it can run; "" when it can."""
        if not self.telegram_auth_enabled:
            return "TELEGRAM_AUTH_ENABLED, TELEGRAM_BOT_NAME and TELEGRAM_BOT_TOKEN"
        return "" if self.pages_url else "PUBLIC_URL"

    @property
    def asks_people(self) -> bool:
        """Whether people must agree before alerts go to their addresses."""
        return self.production if self.email_confirm is None else self.email_confirm == "on"

    @property
    def data_dir(self) -> Path:
        """Absolute path of the data directory."""
        return self.ttr_data_dir.absolute()

    @property
    def database(self) -> str:
        """URL of the Redis that is the database, with how its certificate is checked. Raises SettingsError when there
        is none."""
        return with_tls(_needed("REDIS_URL", self.redis_url), self.redis_tls_verify, self.redis_ca_file)

    @property
    def queue(self) -> str:
        """URL of the Redis that carries the job queue, in the same way."""
        if not self.queue_redis_url:
            return self.database
        return with_tls(self.queue_redis_url, self.redis_tls_verify, self.redis_ca_file)

    @property
    def master_key(self) -> str:
        """The Fernet keys that wrap the accounts' data keys, comma separated, newest first.

        Raises SettingsError when there is none or one is malformed; it never quotes one.
        """
        text = _needed("ENCRYPTION_KEY", self.encryption_key)
        try:
            return ",".join(read_master_keys(text))
        except ValueError as error:
            raise SettingsError(f"ENCRYPTION_KEY {error}.") from None

    @property
    def signing_key(self) -> str:
        """What signs the tokens of our forms. Raises SettingsError when there is none."""
        return _needed("SECRET_KEY", self.secret_key)

    @property
    def enforced(self) -> Enforced:
        """Which lists of access keys refuse."""
        return Enforced(self.xauth_enforce_ip, self.xauth_enforce_origin)

    @property
    def admin_access_seconds(self) -> int:
        """How long an admin's access token lasts."""
        return self.access_token_expire_minutes * 60

    @property
    def admin_refresh_seconds(self) -> int:
        """How long an admin's refresh token lasts."""
        return self.admin_refresh_token_expire_days * 86_400

    @property
    def logs_json(self) -> bool:
        """Whether lines of the log are JSON."""
        return self.log_format == "json" or (self.log_format == "auto" and self.production)

    @property
    def production(self) -> bool:
        """Whether missing secrets and the like are refusals."""
        return self.ttr_env == "production"


def load_settings(overrides: dict[str, str] | None = None) -> Settings:
    """Read `.env`, then the environment over it, then `overrides` (names in capitals) over both.

    Raises SettingsError with one line per bad setting. Obsolete and unknown names are warnings.
    """
    try:
        from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(f".env: can't be read as text ({error}).") from None
    values: dict[str, Any] = {**from_file, **os.environ, **(overrides or {})}
    _warn_about_names(from_file, values)
    known = {
        field: values[field.upper()]
        for field in Settings.model_fields
        if values.get(field.upper()) not in (None, "")
    }
    try:
        return Settings.model_validate(known)
    except ValidationError as error:
        lines = [
            f"{str(e['loc'][0]).upper() + ': ' if e['loc'] else ''}{e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None


def names_given() -> set[str]:
    """The names of what is given now, in `.env` or the environment, whatever it is."""
    return _names_in_file() | os.environ.keys()


def odd_names() -> list[str]:
    """A sentence for each name in `.env` or the environment that is obsolete or unknown."""
    return _odd_names(_names_in_file(), names_given())


def _names_in_file() -> set[str]:
    try:
        return set(dotenv_values(".env"))
    except (UnicodeDecodeError, OSError):
        return set()


def colours_asked_for() -> bool | None:
    """Whether NO_COLOR or FORCE_COLOR, which programs share, say that output has colours; None when neither does."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def export(values: dict[str, str]) -> None:
    """Put settings into the environment, for the processes that this one starts or forks."""
    os.environ.update(values)


def _needed(name: str, value: str | None) -> str:
    if value is None:
        raise SettingsError(f"{name}: not set; `ttr up` and `make run` set it for the processes they start.")
    return value


def _warn_about_names(from_file: dict[str, str], values: dict[str, Any]) -> None:
    for words in _odd_names(from_file, values):
        warnings.warn(words, stacklevel=3)


def _odd_names(from_file: Collection[str], names: Collection[str]) -> list[str]:
    """A sentence for each name that is obsolete, or is given to us and none that we know."""
    known = {field.upper() for field in Settings.model_fields}
    named_for_us = {name for name in names if name.startswith("TTR_")}
    return [
        *(f"{name} is obsolete: {OBSOLETE[name]}." for name in sorted(set(names) & OBSOLETE.keys())),
        *(
            f"{name} is not a setting of ttr and is ignored."
            for name in sorted((set(from_file) | named_for_us) - known - OBSOLETE.keys() - OF_COMPOSE)
        ),
    ]
