"""What a schedule would mean, before anything is saved."""

import re

import pytest

from tests.web.conftest import Visitor, text


async def test_the_next_six_due_times_are_shown_in_the_checks_zone(owner: Visitor) -> None:
    fields = {"schedule_type": "cron", "cron": "0 3 * * *", "tz": "Europe/Riga"}
    page = await text(await owner.post("/checks/preview", fields, htmx=True))
    assert len(re.findall(r"03:00:00 EES?T \(\+0[23]:00\)", re.sub(r'title="[^"]*"', "", page))) == 6
    assert "<strong>Every day at 03:00</strong>" in page
    assert "cron 0 3 * * * (Europe/Riga)" in page
    assert "<html" not in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"schedule_type": "cron", "cron": "0 3 * *", "tz": "UTC"}, "five"),
        ({"schedule_type": "cron", "cron": "0 3 * * *", "tz": "Mars/Base"}, "Unknown time zone"),
        ({"schedule_type": "interval", "interval": "soon", "interval_unit": "hours"}, "interval"),
        (
            {"schedule_type": "interval", "interval": "-2", "interval_unit": "hours"},
            "from 1 second to 366 days",
        ),
        ({"schedule_type": "lunar"}, "schedule kind"),
        ({}, "schedule kind"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(
    owner: Visitor, fields: dict[str, str], words: str
) -> None:
    response = await owner.post("/checks/preview", fields, htmx=True)
    page = await text(response)
    assert response.status_code == 200
    assert words in page
    assert "preview__fault" in page


async def test_without_javascript_the_form_comes_back_with_the_preview(owner: Visitor) -> None:
    number = await owner.make_check(name="Old name")
    fields = {"schedule_type": "interval", "interval": "2", "interval_unit": "hours", "name": "Typed"}
    page = await text(await owner.post("/checks/preview", fields))
    assert "Every 2 hours" in page
    assert 'value="Typed"' in page
    assert 'action="/checks"' in page
    page = await text(await owner.post("/checks/preview", fields, check_id=str(number)))
    assert f'action="/checks/{number}/settings"' in page
    assert "Old name" in page
