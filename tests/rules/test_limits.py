"""The limits that the documents promise are those of the code."""

from pathlib import Path

import pytest

from ttr.domain.allowance import DEFAULTS, Limit

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("limit", DEFAULTS, ids=lambda limit: limit.zone)
def test_the_settings_name_every_zone_with_its_default(limit: Limit) -> None:
    assert f"| `{limit.zone}` | `{limit.count}/{limit.seconds}` |" in (DOCS / "settings.md").read_text()


@pytest.mark.parametrize(
    "limit",
    [
        limit
        for limit in DEFAULTS
        if not limit.zone.startswith(("ping", "public", "page", "login", "telegram", "metrics"))
    ],
    ids=lambda limit: limit.zone,
)
def test_the_api_s_document_names_each_of_its_zones(limit: Limit) -> None:
    line = f"| `{limit.zone}` | {limit.count:,} in {limit.seconds:,} s |"
    assert line in (DOCS / "api.md").read_text()


def test_the_document_of_status_pages_says_how_many() -> None:
    text = (DOCS / "status-pages.md").read_text()
    of = {limit.zone: limit.count for limit in DEFAULTS}
    assert f"{of['public-address']} requests a minute from one address" in text
    assert f"{of['public']} a second from everybody together" in text


def test_the_document_of_pings_says_how_many() -> None:
    text = (DOCS / "pings.md").read_text()
    of = {limit.zone: limit.count for limit in DEFAULTS}
    assert f"A check takes {of['ping-check']} pings at once" in text
    assert f"an address sends {of['ping-address']} a second" in text
    assert f"more than {of['ping-unknown']} in a minute" in text
