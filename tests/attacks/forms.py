"""What a browser sends to each address that writes: honest forms, in an order in which each of them still works."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from quart import Quart, Response
from werkzeug.datastructures import FileStorage
from werkzeug.routing import Rule

from tests.attacks.routes import is_admin, is_api, is_signed, rules
from tests.attacks.world import Account
from tests.web.conftest import Visitor

Fields = list[tuple[str, str]]
Form = Callable[[Account], Mapping[str, str | list[str]]]

_CHECK: Mapping[str, str | list[str]] = {
    "name": "From a form",
    "schedule_type": "interval",
    "interval": "1",
    "interval_unit": "hours",
    "grace": "5",
    "grace_unit": "minutes",
    "tz": "UTC",
}
_FILE = "/account/import"


def _nothing(_: Account) -> Mapping[str, str | list[str]]:
    return {}


FORMS: Mapping[str, Form] = {
    "/appearance": lambda _: {"theme": "retro", "back": "/dashboard"},
    "/checks": lambda _: _CHECK,
    "/checks/preview": lambda _: _CHECK,
    "/checks/schedule": lambda _: _CHECK,
    "/checks/<int:check_id>/settings": lambda _: _CHECK,
    "/checks/<int:check_id>/pings": _nothing,
    "/checks/<int:check_id>/acknowledge": _nothing,
    "/checks/<int:check_id>/pause": _nothing,
    "/checks/<int:check_id>/resume": _nothing,
    "/checks/<int:check_id>/integrations": lambda to: {"channel": [to.names["channel"]]},
    "/checks/<int:check_id>/integrations/<kind>": lambda _: {"slack_webhook_url": "http://127.0.0.1:9/other"},
    "/checks/<int:check_id>/integrations/<kind>/test": _nothing,
    "/checks/bulk": lambda to: {"do": "pause", "check": [to.names["other_check"]]},
    "/channels": lambda _: {"kind": "webhook", "name": "New", "webhook_url": "http://127.0.0.1:9/new"},
    "/channels/<int:channel_id>": lambda _: {"name": "Renamed"},
    "/channels/<int:channel_id>/off": _nothing,
    "/channels/<int:channel_id>/on": _nothing,
    "/channels/<int:channel_id>/checks": _nothing,
    "/channels/<int:channel_id>/test": _nothing,
    "/channels/<int:channel_id>/signing": _nothing,
    "/deliveries/<delivery_id>/resend": _nothing,
    "/status-pages": lambda to: {
        "name": "One more",
        "slug": "one-more",
        "entry_kind": ["check"],
        "entry_value": [to.names["check"]],
    },
    "/status-pages/arrange": lambda to: {"name": "One more", "do": f"add:check:{to.names['check']}"},
    "/status-pages/choices": lambda _: {"sought": "a"},
    "/status-pages/preview": lambda _: {"name": "One more"},
    "/status-pages/<int:page_id>": lambda _: {"name": "Renamed", "slug": "public"},
    "/account/names": lambda to: {"family": "public_slug", "slug": f"{to.names['public_slug']}-again"},
    "/account/names/former/<slug>/end": lambda _: {"sure": "yes"},
    "/account/keys": lambda _: {"name": "New", "scope": "full"},
    "/account/keys/<key_id>": lambda _: {"name": "Renamed", "scope": "full"},
    "/account/keys/<key_id>/replace": lambda _: {"sure": "yes"},
    "/account/keys/<key_id>/revoke": lambda _: {"sure": "yes"},
    "/account/sessions/<session>/end": lambda _: {"sure": "yes"},
    "/account/sessions/others/end": lambda _: {"sure": "yes"},
    "/account/telegram/unlink": lambda _: {"sure": "yes"},
    "/telegram/link": _nothing,
    "/telegram/login": _nothing,
    "/telegram/open": _nothing,
    "/account/export": _nothing,
    "/account/import/run": lambda to: {"upload": to.names["upload"]},
    _FILE: _nothing,
    "/status-pages/<int:page_id>/delete": lambda _: {"sure": "yes"},
    "/channels/<int:channel_id>/delete": lambda _: {"sure": "yes"},
    "/checks/<int:check_id>/delete": lambda _: {"sure": "yes"},
    "/operator/leave": _nothing,
    "/logout": _nothing,
    "/login": lambda to: {"auth_key": to.api.key},
    "/keys": _nothing,
    "/account/delete": lambda _: {"word": "DELETE"},
}
"""By rule; a new address that writes gets its line here."""

DOORS = ("/login", "/keys", "/logout", "/account/delete")
"""After these a browser is somebody else."""


def written(app: Quart) -> list[tuple[Rule, Form]]:
    """Every address that a browser writes to, with its form. Apart are those whose own address is the authority, and
    those of admins: tests/web/admin/test_every_route.py forges their forms.
    """
    known = {rule.rule: rule for rule in rules(app, "POST", "PUT", "PATCH", "DELETE")}
    apart = {path for path, rule in known.items() if is_api(rule) or is_signed(rule) or is_admin(rule)}
    asked = known.keys() - apart
    assert asked == FORMS.keys(), "tests/attacks/forms.py says what each form sends"
    return [(known[path], form) for path, form in FORMS.items()]


def fields_of(form: Form, account: Account) -> Fields:
    """A form's fields as pairs."""
    return [
        (name, one)
        for name, value in form(account).items()
        for one in (value if isinstance(value, list) else [value])
    ]


async def send(
    visitor: Visitor,
    rule: Rule,
    path: str,
    fields: Fields,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """POST the fields to an address of the rule as a browser does, a file where it takes one."""
    if rule.rule == _FILE:
        fields = dict(fields)  # type: ignore[assignment]  # what the client takes beside files
        more["files"] = {"file": FileStorage(BytesIO(b'{"version": 1, "checks": []}'), filename="a.json")}
    answer: Response = await visitor.client.post(path, form=fields, headers=dict(headers or {}), **more)
    return answer
