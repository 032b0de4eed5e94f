"""A check's pages: making, showing, editing, deleting, and every way to get them wrong."""

import re

import pytest
from quart import Quart

from tests.web.conftest import Visitor, text, ticked_in, typed_in
from ttr.app import create_app
from ttr.settings import Settings
from ttr.store.checks import get_check
from ttr.store.redis import Store

GOOD = {
    "name": "Backup",
    "schedule_type": "interval",
    "interval": "1",
    "interval_unit": "days",
    "grace": "1",
    "grace_unit": "hours",
    "tz": "UTC",
}


def invalid(page: str, field: str) -> str:
    """The sentence beside a field, which must be marked and tied to it."""
    control = re.search(rf'<(?:input|textarea)[^>]*id="{field}"[^>]*>', page)
    assert control
    assert 'aria-invalid="true"' in control[0]
    assert f"{field}-error" in control[0]
    sentence = re.search(rf'id="{field}-error">([^<]+)<', page)
    assert sentence
    return sentence[1]


async def test_a_check_is_made_with_everything_in_the_form(owner: Visitor, store: Store) -> None:
    assert owner.user
    number = await owner.make_check(
        name="Report",
        slug="report",
        tags="a, b",
        description="Look at the wiki",
        schedule_type="cron",
        cron="0 3 * * 1-5",
        tz="europe/riga",
        grace="90",
        grace_unit="seconds",
        max_runtime="10",
        max_runtime_unit="minutes",
        notify_after_failures="3",
        expected_content="done",
        expected_content_type="absent",
        use_regex_for_content="on",
        post_only="on",
    )
    settings = (await get_check(store, owner.user, str(number))).settings
    assert (settings.name, settings.slug, settings.tags) == ("Report", "report", ("a", "b"))
    assert (settings.schedule.expression, settings.schedule.tz) == ("0 3 * * 1-5", "Europe/Riga")
    assert (settings.grace_seconds, settings.max_runtime_seconds) == (90, 600)
    assert (settings.notify_after_failures, settings.notify_on_up, settings.post_only) == (3, True, True)
    assert settings.rule
    assert (settings.rule.text, settings.rule.kind, settings.rule.regex) == ("done", "absent", True)


async def test_the_edit_form_sends_back_what_it_shows(owner: Visitor, store: Store) -> None:
    assert owner.user
    number = await owner.make_check(
        slug="s",
        tags="a, b",
        schedule_type="oncalendar",
        oncalendar="Mon 06:00\nFri 18:00",
        tz="Asia/Kathmandu",
    )
    before = await get_check(store, owner.user, str(number))
    page = await owner.read(f"/checks/{number}/settings")
    form = typed_in(page, "check-form")
    assert form.pop("csrf_token") == owner.token
    assert form.pop("tag")
    ticked = ticked_in(page, "check-form", "tag")
    response = await owner.post(f"/checks/{number}/settings", form, many={"tag": ticked})
    assert response.status_code == 303
    after = await get_check(store, owner.user, str(number))
    assert after.settings == before.settings


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": " "}, "name", "This field is required."),
        ({"name": "x" * 101}, "name", "At most 100 characters."),
        ({"name": "a\x00b"}, "name", "Control characters"),
        ({"slug": "Bad Slug"}, "slug", "Only a-z"),
        ({"slug": "123"}, "slug", "digits alone"),
        ({"tags": ",".join(map(str, range(21)))}, "tags", "At most 20 tags."),
        ({"description": "x" * 2001}, "description", "At most 2,000 characters."),
        ({"interval": ""}, "interval", "This field is required."),
        ({"interval": "1.5"}, "interval", "A whole number is needed."),
        ({"interval": "0"}, "interval", "^From 1 second to 366 days.$"),
        ({"interval": "9" * 5000}, "interval", "."),
        ({"grace": "x"}, "grace", "A whole number is needed."),
        ({"interval": "-2"}, "interval", "^From 1 second to 366 days.$"),
        ({"grace": "999999"}, "grace", "^From 1 second to 366 days.$"),
        ({"grace": "0"}, "grace", "^From 1 second to 366 days.$"),
        ({"remind": "0"}, "remind", "^From 1 minute to 7 days.$"),
        ({"remind": "8", "remind_unit": "days"}, "remind", "^From 1 minute to 7 days.$"),
        ({"remind": "often"}, "remind", "whole number"),
        ({"max_runtime": "-1"}, "max_runtime", "^From 1 second to 366 days.$"),
        ({"schedule_type": "cron", "cron": "61 * * * *"}, "cron", "."),
        ({"schedule_type": "cron", "cron": "", "interval": "0"}, "cron", "This field is required."),
        ({"schedule_type": "cron", "cron": "0 3 * * *", "tz": "Mars/Base"}, "tz", "Unknown time zone"),
        ({"schedule_type": "oncalendar", "oncalendar": "never"}, "oncalendar", "."),
        ({"notify_after_failures": "many"}, "notify_after_failures", "A whole number is needed."),
        (
            {"expected_content": "(", "use_regex_for_content": "on"},
            "expected_content",
            "Not a regular expression",
        ),
    ],
)
async def test_bad_input_comes_back_with_its_error_beside_its_field(
    owner: Visitor, changes: dict[str, str], field: str, sentence: str
) -> None:
    for htmx in (False, True):
        response = await owner.post("/checks", GOOD | {"name": "Kept"} | changes, htmx=htmx)
        page = await text(response)
        assert response.status_code == 422
        assert re.search(sentence, invalid(page, field))
        assert ("<html" in page) is not htmx
        if field != "name":
            assert 'value="Kept"' in page
    assert "Nothing is watched yet" in await owner.read("/dashboard")


async def test_what_belongs_to_no_field_is_said_above_the_form(owner: Visitor) -> None:
    response = await owner.post("/checks", GOOD | {"schedule_type": "lunar"})
    assert response.status_code == 422
    assert "schedule_type-error" in await text(response)


async def test_a_taken_slug_is_an_error_at_the_slug(owner: Visitor) -> None:
    await owner.make_check(slug="taken")
    other = await owner.make_check(slug="free")
    response = await owner.post("/checks", GOOD | {"slug": "taken"})
    assert response.status_code == 422
    assert "Another of your checks has this slug." in invalid(await text(response), "slug")
    response = await owner.post(f"/checks/{other}/settings", GOOD | {"slug": "taken"})
    assert response.status_code == 422
    assert "Another of your checks has this slug." in invalid(await text(response), "slug")


async def test_a_full_account_is_said_in_a_sentence(app: Quart, settings: Settings) -> None:
    small = create_app(settings.model_copy(update={"checks_per_account": 1}))
    async with small.test_app():
        visitor = Visitor(small.test_client())
        await visitor.post("/keys")
        await visitor.make_check()
        response = await visitor.post("/checks", GOOD)
        assert response.status_code == 422
        assert "as many as it may have" in await text(response)


async def test_htmx_is_led_to_the_new_check(owner: Visitor) -> None:
    response = await owner.post("/checks", GOOD, htmx=True)
    assert re.fullmatch(r"/checks/\d+", response.headers["HX-Redirect"])


async def test_a_new_check_shows_its_url_and_lines_to_copy(owner: Visitor) -> None:
    assert owner.user
    number = await owner.make_check(slug="nightly", schedule_type="cron", cron="0 3 * * *")
    page = await owner.read(f"/checks/{number}")
    url = f"http://localhost/p/{owner.user.user_slug}/nightly"
    assert f'data-copy="{url}"' in page
    curl = "curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null"
    assert f"0 3 * * * /path/to/job &amp;&amp; {curl} {url}" in page
    assert page.count("--retry 5 ") == page.count("--retry 5 --retry-connrefused ")
    assert "03:00:00 UTC" in page


async def test_the_live_part_is_quiet_until_something_happens(owner: Visitor) -> None:
    number = await owner.make_check()
    found = re.search(r'hx-get="(/checks/\d+/live\?since=[0-9-]+)"', await owner.read(f"/checks/{number}"))
    assert found
    assert (await owner.get(found[1], htmx=True)).status_code == 204
    await owner.post(f"/checks/{number}/pings")
    response = await owner.get(found[1], htmx=True)
    assert response.status_code == 200
    assert f'href="/checks/{number}/pings/1"' in await text(response)


async def test_deleting_asks_first(owner: Visitor) -> None:
    number = await owner.make_check(name="Doomed")
    response = await owner.post(f"/checks/{number}/delete")
    assert response.headers["Location"] == f"/checks/{number}/delete"
    page = await owner.read(f"/checks/{number}/delete")
    assert "Delete Doomed?" in page
    assert (await owner.get(f"/checks/{number}")).status_code == 200
    response = await owner.post(f"/checks/{number}/delete", sure="yes")
    assert (response.status_code, response.headers["Location"]) == (303, "/dashboard")
    assert (await owner.get(f"/checks/{number}")).status_code == 404


async def test_htmx_has_asked_already(owner: Visitor) -> None:
    first, second = await owner.make_check(name="One"), await owner.make_check(name="Two")
    response = await owner.post(f"/checks/{first}/delete", htmx=True, back="/dashboard?older_than=9")
    assert 'hx-swap-oob="innerHTML">One is deleted.' in await text(response)
    response = await owner.post(f"/checks/{second}/delete", htmx=True)
    assert response.headers["HX-Redirect"] == "/dashboard"
    assert "Nothing is watched yet" in await owner.read("/dashboard")


@pytest.mark.parametrize("reference", ["999", "9" * 30, "nightly", "\u0663"])
async def test_what_is_not_there_is_a_404_page(owner: Visitor, reference: str) -> None:
    response = await owner.get(f"/checks/{reference}")
    assert response.status_code == 404
    assert "Not found" in await text(response)


@pytest.mark.parametrize(
    ("typed", "minutes", "shown"),
    [
        (("90", "minutes"), 90, ("90", "minutes")),
        (("120", "minutes"), 120, ("2", "hours")),
        (("2", "days"), 2_880, ("2", "days")),
        (("", "hours"), None, ("", "hours")),
    ],
)
async def test_reminders_are_an_amount_and_a_unit(
    owner: Visitor, store: Store, typed: tuple[str, str], minutes: int | None, shown: tuple[str, str]
) -> None:
    assert owner.user
    number = await owner.make_check(remind=typed[0], remind_unit=typed[1])
    assert (await get_check(store, owner.user, str(number))).settings.remind_every_minutes == minutes
    form = typed_in(await owner.read(f"/checks/{number}/settings"), "check-form")
    assert (form["remind"], form["remind_unit"]) == shown
    assert ("Reminders</dt>" in await owner.read(f"/checks/{number}")) is (minutes is not None)


async def test_flapping_stands_beside_the_status(app: Quart, owner: Visitor, store: Store) -> None:
    assert owner.user
    number = await owner.make_check(slug="flappy")
    for turn in range(7):
        response = await app.test_client().get(f"/p/{owner.user.user_slug}/flappy{'/1' if turn % 2 else ''}")
        assert response.status_code == 200
    assert (await get_check(store, owner.user, str(number))).flapping
    for path in ("/dashboard", f"/checks/{number}"):
        assert '<span class="status__word">flapping</span>' in await owner.read(path)
    assert "It changed 6 times" in await owner.read(f"/checks/{number}")
