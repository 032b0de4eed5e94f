"""docs/api.md has every call, every field and the limits of the code."""

import re
from pathlib import Path

import pytest

from ttr.app import create_app
from ttr.domain import limits
from ttr.domain.check_input import CheckInput
from ttr.settings import load_settings

API = (Path(__file__).parents[2] / "docs/api.md").read_text()


def test_every_call_of_the_api_has_its_row_and_every_row_its_call() -> None:
    rows = re.findall(r"^\| `([A-Z]+) (/[^ ?`]*)", API, re.MULTILINE)
    app = create_app(load_settings({"REDIS_URL": "redis://nowhere"}))
    routes = {
        (method, re.sub(r"<\w+:", "<", rule.rule.removeprefix("/api/v1")))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert len(rows) == len(set(rows))
    assert set(rows) == routes


@pytest.mark.parametrize("field", sorted(CheckInput.model_fields))
def test_every_field_of_a_check_is_documented(field: str) -> None:
    assert f"`{field}`" in API


def test_the_limits_in_the_text_are_the_limits_in_the_code() -> None:
    assert f"up to {limits.NAME_MAX} characters" in API
    assert f"up to {limits.TAGS_MAX} of up to {limits.TAG_MAX} characters" in API
    assert f"comma separated, up to {limits.FILTER_TAGS_MAX}:" in API
    assert f"up to {limits.DESCRIPTION_MAX:,} characters" in API
    assert f"up to {limits.CONTENT_RULE_MAX:,} characters" in API
    assert f"0 to {limits.FAILURES_MAX:,}" in API
