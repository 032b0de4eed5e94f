"""The settings in force, as operators may see them: no secret is among them.

A text is hidden unless it is one of a few words or known to be harmless, and so is whatever has a type that is not
known here: a setting that is added tomorrow is hidden until somebody says that it may be shown. Numbers, networks,
limits and paths are no secrets.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, get_args, get_origin
from urllib.parse import urlsplit

from ttr.domain.allowance import Limit
from ttr.settings import OBSOLETE, Settings, names_given

HARMLESS = {
    "host",
    "ttr_env",
    "redis_appendfsync",
    "embedded_postgres",
    "log_level",
    "smtp_host",
    "smtp_security",
}
HARMLESS |= {"smtp_user", "smtp_from", "email_confirm", "telegram_bot_name"}
"""Texts that are shown as they are."""
URLS = {"redis_url", "queue_redis_url", "database_url", "public_url", "telegram_api_url"}
"""Texts that are shown without what is secret in them."""
HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting."""

    name: str
    """As in the environment."""
    value: str
    """What it is, "" for nothing, HIDDEN for a secret."""
    is_set: bool
    """Whether somebody has said so; else it is the default."""
    meaning: str


def in_force(settings: Settings) -> list[InForce]:
    """Every setting, in the order of the code."""
    return [
        InForce(
            field.upper(),
            _shown(field, getattr(settings, field)),
            field in settings.model_fields_set,
            info.description or "",
        )
        for field, info in Settings.model_fields.items()
    ]


def obsolete_given() -> dict[str, str]:
    """Settings that are given and mean nothing here -> why."""
    return {name: OBSOLETE[name] for name in sorted(names_given() & OBSOLETE.keys())}


def _shown(field: str, value: object) -> str:
    match value:
        case None | "":
            return ""
        case str() if field in URLS:
            return without_password(value)
        case str() if field in HARMLESS or value in _words(field):
            return value
        case int() | float() | Path() | IPv4Network() | IPv6Network():
            return str(value)
        case Limit():
            return f"{value.zone}={value.count}/{value.seconds}"
        case tuple():
            return ", ".join(_shown("", one) for one in value)
    return HIDDEN


def _words(field: str) -> tuple[object, ...]:
    """The words that a setting may be one of; nothing for a text."""
    info = Settings.model_fields.get(field)
    kinds = (info.annotation, *get_args(info.annotation)) if info else ()
    return tuple(word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind))


def without_password(url: str) -> str:
    """A URL whose password, user and query are hidden: each may be a secret. HIDDEN for what is no URL."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises when it is none, and then anything may be anywhere
    except ValueError:
        return HIDDEN
    # An @ further on: a password that was not escaped, of which a part stands where a host or a port would.
    if not parts.scheme or "@" in parts.path + parts.query + parts.fragment:
        return HIDDEN
    at = f"{HIDDEN}@" if "@" in parts.netloc else ""
    query = f"?{HIDDEN}" if parts.query else ""
    return f"{parts.scheme}://{at}{parts.netloc.rpartition('@')[2]}{parts.path}{query}"
