"""The check that a ping with `?create=1` makes: one day and one hour, unless the query says otherwise. Pure."""

import json
from collections.abc import Mapping

from ttr.domain.check import CheckSettings
from ttr.domain.check_input import parse_check_json
from ttr.domain.invalid import FieldError, Invalid

PERIOD_SECONDS = 86_400
GRACE_SECONDS = 3_600


def created_settings(slug: str, query: Mapping[str, str], now: int) -> CheckSettings:
    """Settings of a check named like its slug. `query` may hold `period` and `grace` (seconds), `cron` and `tz`.

    Raises Invalid with the query's names.
    """
    fields: dict[str, object] = {
        "name": slug,
        "slug": slug,
        "grace_seconds": _seconds(query, "grace", GRACE_SECONDS),
        "tz": query.get("tz") or "UTC",
    }
    if query.get("cron"):
        fields |= {"schedule_type": "cron", "schedule": query["cron"]}
    else:
        fields["interval_seconds"] = _seconds(query, "period", PERIOD_SECONDS)
    try:
        return parse_check_json(json.dumps(fields).encode(), now=now)
    except Invalid as error:
        names = {"interval_seconds": "period", "grace_seconds": "grace", "schedule": "cron"}
        raise Invalid([FieldError(names.get(e.field, e.field), e.message) for e in error.errors]) from None


def _seconds(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Invalid([FieldError(name, "A whole number of seconds is needed.")])
    return int(text)
