"""What a request handler needs of the running app: its store, its settings, whose request it is."""

from collections.abc import Callable
from typing import Any, cast

from quart import Quart, current_app, request

from ttr.address import client_address
from ttr.archive.database import Database
from ttr.channels.means import Means
from ttr.country_header import told_country
from ttr.geo import Geo
from ttr.passwords import Passwords
from ttr.settings import Settings
from ttr.store.changes import Changes
from ttr.store.redis import Store


def install(app: Quart, settings: Settings) -> None:
    """Give the app its settings; the store follows when it is open."""
    app.extensions["ttr_settings"] = settings


def set_store(app: Quart, store: Store) -> None:
    """Give the app its store, at start-up."""
    app.extensions["ttr_store"] = store


def store() -> Store:
    """The store of the running app."""
    return cast(Store, current_app.extensions["ttr_store"])


def set_archive(app: Quart, archive: Database | None) -> None:
    """Give the app its archive, at start-up; None where there is none."""
    app.extensions["ttr_archive"] = archive


def archive() -> Database | None:
    """The archive of the running app, which may be away; None where there is none."""
    return cast(Database | None, current_app.extensions["ttr_archive"])


def set_changes(app: Quart, changes: Changes) -> None:
    """Give the app what tells of changes, at start-up."""
    app.extensions["ttr_changes"] = changes


def changes() -> Changes:
    """What tells of changes."""
    return cast(Changes, current_app.extensions["ttr_changes"])


def end_streams(app: Quart) -> None:
    """Let every open stream end: the process is about to stop."""
    if changes := app.extensions.get("ttr_changes"):
        changes.end()


def set_means(app: Quart, means: Means) -> None:
    """Give the app what test messages are sent with, at start-up."""
    app.extensions["ttr_means"] = means


def means() -> Means:
    """What test messages are sent with."""
    return cast(Means, current_app.extensions["ttr_means"])


def set_passwords(app: Quart, passwords: Passwords) -> None:
    """Give the app what compares passwords, at start-up."""
    app.extensions["ttr_passwords"] = passwords


def passwords() -> Passwords:
    """What compares passwords."""
    return cast(Passwords, current_app.extensions["ttr_passwords"])


def set_geo(app: Quart, geo: Geo) -> None:
    """Give the app what knows where pings came from."""
    app.extensions["ttr_geo"] = geo


def geo() -> Geo:
    """What knows where pings came from."""
    return cast(Geo, current_app.extensions["ttr_geo"])


def set_api_document(app: Quart, build: Callable[[], dict[str, Any]]) -> None:
    """Tell the app how to get the OpenAPI document, which one front door makes and another one shows."""
    app.extensions["ttr_api_document"] = build


def api_document() -> dict[str, Any]:
    """The OpenAPI document of the running app."""
    return cast(Callable[[], dict[str, Any]], current_app.extensions["ttr_api_document"])()


def settings() -> Settings:
    """The settings of the running app."""
    return cast(Settings, current_app.extensions["ttr_settings"])


def address() -> str:
    """The client's address; a forwarded one only from a trusted proxy."""
    # All its lines: a proxy may add one of its own below what the client has invented.
    forwarded = ",".join(request.headers.getlist("X-Forwarded-For"))
    return client_address(request.remote_addr or "", forwarded, settings().trusted_proxies)


def country() -> str:
    """The code of the client's country, as a trusted proxy tells it; "" when none does."""
    return told_country(request.remote_addr or "", request.scope["headers"], settings().trusted_proxies)


def base_url() -> str:
    """Where jobs find us: PUBLIC_URL, or the request's own scheme and host."""
    return settings().public_url or request.host_url.rstrip("/")


def is_secure() -> bool:
    """Whether cookies are for TLS alone: the request came over it, or a proxy ends it, or it is production."""
    found = settings()
    return request.is_secure or found.production or (found.public_url or "").startswith("https://")
