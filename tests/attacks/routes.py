"""Every address there is, from the app's own map: a route that nobody has thought of here fails the suite."""

import re
from collections.abc import Mapping

from quart import Quart
from werkzeug.routing import Rule

_VARIABLE = re.compile(r"<(?:[^<>:]*:)?([^<>:]+)>")

# What a variable stands for where that depends on the address.
_MEANT: Mapping[str, Mapping[str, str]] = {
    "/p/": {"slug": "user_slug", "name": "check_slug"},
    "/s/": {"slug": "public_slug"},
    "/api/v1/user/keys/": {"key": "key_id"},
    "/account/sessions/": {"session": "session_id"},
    "/api/v1/user/sessions/": {"session": "session_id"},
    "/api/v1/user/former-slugs/": {"slug": "former_slug"},
    "/account/names/former/": {"slug": "former_slug"},
    "/acknowledge/": {"token": "acknowledge"},
    "/unsubscribe/": {"token": "unsubscribe"},
    "/confirm/": {"token": "confirm"},
}

NOT_CALLED: Mapping[str, str] = {
    "/events": "a stream that does not end: test_xss.py and test_idor.py open it on a real server",
    "/static/<path:filename>": "files of ours, the same for all",
    "/assets/<digest>/<path:path>": "files of ours, the same for all",
    "/docs/<any(images, prometheus):folder>/<name>": "files of ours, the same for all",
    "/docs/<name>": "pages of ours: test_crawl.py follows the links to them",
    "/docs/decisions/<name>": "pages of ours: test_crawl.py follows the links to them",
}
"""Addresses that the tables leave out, and why."""

QUERIES: Mapping[str, str] = {
    "/api/v1/checks/slug-check": "?slug=any",
    "/account/names/slug": "?family=user_slug&slug=any-slug",
    "/api/v1/user/slug-check": "?slug=any-slug",
}
"""What a GET can't do without."""

NOT_READY = ("/health", "/metrics", "/api/v1/geoip", "/api/v1/admin/", "/telegram/", "/account/telegram")
"""What an owner gets no 200 from while there is no clock, no database of places and no bot, or ever: numbers are for
those who run it."""


def rules(app: Quart, *methods: str) -> list[Rule]:
    """All that take one of the methods, but for those of NOT_CALLED, by their addresses."""
    found = [rule for rule in app.url_map.iter_rules() if {*methods} & {*(rule.methods or ())}]
    return sorted((rule for rule in found if rule.rule not in NOT_CALLED), key=lambda rule: rule.rule)


def path_of(rule: Rule, names: Mapping[str, str]) -> str:
    """The address of a rule for these names. A KeyError asks for the line of a new variable, in `world.py` or here."""
    meant = next((known for start, known in _MEANT.items() if rule.rule.startswith(start)), {})
    return _VARIABLE.sub(lambda found: names[meant.get(found[1], found[1])], rule.rule)


def variables(rule: Rule) -> set[str]:
    """The names of a rule's variables."""
    return set(_VARIABLE.findall(rule.rule))


def is_api(rule: Rule) -> bool:
    """Whether it is answered for a key, and never for a cookie."""
    return rule.rule.startswith("/api/")


def is_admin(rule: Rule) -> bool:
    """Whether it is for admins, whom an account's session does not make."""
    return rule.rule.startswith("/admin")


def is_public(rule: Rule) -> bool:
    """Whether it is the same for everybody, with a session or without."""
    return rule.rule.startswith(("/p/", "/s/", "/health", "/api/v1/openapi.json"))


def is_signed(rule: Rule) -> bool:
    """Whether its address is all the authority it needs."""
    return rule.rule.startswith(("/acknowledge/", "/unsubscribe/", "/confirm/"))
