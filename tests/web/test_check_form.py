"""The form of a check: what it offers, fills in, keeps, and says when something is wrong."""

import re

import pytest
from quart import Quart

from tests.conftest import MASTER_KEY
from tests.web.conftest import Visitor, text, ticked_in, typed_in
from ttr.domain.check import CheckSettings
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.users import create_user
from ttr.web import check_settings

GOOD = {
    "name": "Backup",
    "schedule_type": "interval",
    "interval": "1",
    "interval_unit": "days",
    "grace": "1",
    "grace_unit": "hours",
    "tz": "UTC",
}


async def saved(owner: Visitor, store: Store, number: int) -> CheckSettings:
    assert owner.user
    return (await get_check(store, owner.user, str(number))).settings


async def channels_of(owner: Visitor, store: Store, number: int) -> tuple[int, ...]:
    assert owner.user
    return (await get_check(store, owner.user, str(number))).channels


def number_in(location: str) -> int:
    return int(location.rpartition("/")[2])


async def test_a_name_and_a_schedule_suffice(owner: Visitor, store: Store) -> None:
    form = typed_in(await owner.read("/checks/new"), "check-form")
    response = await owner.post("/checks", form | {"name": "Backup"})
    assert response.status_code == 303


async def test_the_old_address_of_the_form_leads_to_the_settings(owner: Visitor) -> None:
    number = await owner.make_check()
    response = await owner.get(f"/checks/{number}/edit")
    assert (response.status_code, response.headers["Location"]) == (303, f"/checks/{number}/settings")
    assert (await owner.post(f"/checks/{number}/edit", GOOD)).status_code == 405


async def test_what_is_wrong_is_listed_above_with_links_to_the_fields(owner: Visitor) -> None:
    wrong = {"name": "", "slug": "Bad Slug", "grace": "x", "schedule_type": "cron", "cron": "1 2 3"}
    page = await text(await owner.post("/checks", GOOD | wrong | {"expected_content_type": "maybe"}))
    listed = re.findall(r'<li><a href="#([a-z-]+)">([^<]+)</a>', page)
    assert listed == [
        ("name", "Name"),
        ("slug", "Slug"),
        ("cron", "Expression"),
        ("grace", "Grace"),
        ("rule-present", "What the content rule asks"),
    ]
    assert all(f'id="{place}"' in page for place, _ in listed)
    assert re.search(r'<details class="panel" id="more" open>', page)


async def test_a_form_sent_back_is_saved_and_leads_back_to_where_one_came_from(owner: Visitor) -> None:
    number = await owner.make_check(name="One")
    page = await owner.read(f"/checks/{number}/settings?back=/dashboard?q=one")
    assert 'href="/dashboard?q=one">Cancel' in page
    form = typed_in(page, "check-form")
    response = await owner.post(f"/checks/{number}/settings", form)
    assert response.headers["Location"] == "/dashboard?q=one"
    assert "ttr_said=One%20is%20saved." in "; ".join(response.headers.getlist("Set-Cookie"))
    page = await owner.read(f"/checks/{number}/settings?back=//evil.example/")
    assert "evil" not in page.replace("here", "")


class TestFillingIn:
    async def test_a_preset_fills_the_field_and_previews(self, owner: Visitor) -> None:
        form = GOOD | {"preset": "cron-3", "name": "Typed"}
        page = await text(await owner.post("/checks/schedule", form, htmx=True))
        assert 'id="cron" name="cron" type="text" value="0 8 * * 1-5"' in page
        assert "Monday to Friday at 08:00" in page
        assert re.search(r'id="built-weekly"[^>]* checked', page)
        page = await text(await owner.post("/checks/schedule", form))
        fields = typed_in(page, "check-form")
        assert (fields["name"], fields["schedule_type"], fields["cron"]) == ("Typed", "cron", "0 8 * * 1-5")

    @pytest.mark.parametrize("name", ["cron-99", "lunar-1", "cron", "cron--1", "cron-\u0663", "x" * 500])
    async def test_an_unknown_preset_fills_in_nothing(self, owner: Visitor, name: str) -> None:
        page = await text(await owner.post("/checks/schedule", GOOD | {"preset": name}))
        assert typed_in(page, "check-form")["interval"] == "1"

    @pytest.mark.parametrize(
        ("chosen", "days", "cron"),
        [
            ({"built": "minutes", "built_step": "15"}, (), "*/15 * * * *"),
            ({"built": "hourly", "built_minute": "7"}, (), "7 * * * *"),
            ({"built": "daily", "built_times": "3:30, 15.30"}, (), "30 3,15 * * *"),
            ({"built": "weekly", "built_times": "6"}, (1, 5), "0 6 * * 1,5"),
            ({"built": "monthly", "built_times": "03:00", "built_dates": "15 1"}, (), "0 3 1,15 * *"),
            (
                {"built": "monthly", "built_times": "3", "built_dates": "", "built_last": "on"},
                (),
                "0 3 L * *",
            ),
            (
                {"built": "hours", "built_step": "1", "built_from": "8", "built_until": "18"},
                (1, 2, 3, 4, 5),
                "* 8-17 * * 1-5",
            ),
        ],
    )
    async def test_the_builder_writes_the_expression(
        self, owner: Visitor, chosen: dict[str, str], days: tuple[int, ...], cron: str
    ) -> None:
        many, page = {"built_days": days}, ""
        for htmx in (True, False):
            page = await text(
                await owner.post("/checks/schedule", GOOD | chosen, htmx=htmx, many=many, build="yes")
            )
            assert f'id="cron" name="cron" type="text" value="{cron}"' in page
        fields = typed_in(page, "check-form")
        assert fields["name"] == "Backup"
        assert {name: fields[name] for name in chosen} == chosen
        assert ticked_in(page, "check-form", "built_days") == [str(day) for day in days]
        assert '<details class="builder kind kind--cron" id="builder-box" open>' in page
        # Shown anew, the expression is read back into the same choice.
        page = await owner.read(
            f"/checks/new?schedule_type=cron&cron={cron.replace(' ', '+').replace('*', '%2A')}"
        )
        assert typed_in(page, "check-form")["built"] == chosen["built"]

    @pytest.mark.parametrize(
        ("chosen", "sentence"),
        [
            ({"built": "daily", "built_times": "noon"}, "Times are hours and minutes"),
            ({"built": "daily", "built_times": "25:00"}, "An hour is from 0 to 23."),
            ({"built": "daily", "built_times": "3:00 4:30"}, "the same minute"),
            ({"built": "weekly", "built_times": "3:00"}, "Choose a day of the week."),
            ({"built": "hourly", "built_minute": "x"}, "A minute is a number"),
            ({"built": "monthly", "built_times": "3", "built_dates": "\u0663"}, "Days are numbers"),
            (
                {"built": "hours", "built_step": "5", "built_from": "9", "built_until": "9"},
                "Choose a day|end after",
            ),
            ({}, "Choose how often."),
            ({"built": "<b>"}, "Choose how often."),
        ],
    )
    async def test_what_can_not_be_built_is_said_and_the_field_stays(
        self, owner: Visitor, chosen: dict[str, str], sentence: str
    ) -> None:
        form = GOOD | {"schedule_type": "cron", "cron": "1 2 3 4 5"} | chosen
        for htmx in (True, False):
            page = await text(await owner.post("/checks/schedule", form, htmx=htmx))
            assert re.search(sentence, page)
            assert 'value="1 2 3 4 5"' in page

    async def test_an_expression_of_ones_own_is_left_alone(self, owner: Visitor) -> None:
        number = await owner.make_check(schedule_type="cron", cron="7,19 */3 * 2 *")
        page = await owner.read(f"/checks/{number}/settings")
        assert "one of your own" in page
        assert "built" not in typed_in(page, "check-form")

    async def test_the_builder_follows_what_is_typed(self, owner: Visitor) -> None:
        form = GOOD | {"schedule_type": "cron", "cron": "5 * * * *", "built": "daily", "built_times": "03:00"}
        await owner.post("/checks/preview", form)  # for the token
        headers = {"HX-Request": "true", "HX-Source": "div#kinds"}
        sent = [*({"csrf_token": owner.token} | form).items()]
        response = await owner.client.post("/checks/preview", form=sent, headers=headers)
        assert re.search(r'id="built-hourly"[^>]* checked', await text(response))
        sent = [*({"csrf_token": owner.token} | form | {"cron": "0 3 * * *"}).items()]
        response = await owner.client.post("/checks/preview", form=sent, headers=headers)
        assert 'id="builder"' not in await text(response)


class TestSlugs:
    async def ask(self, owner: Visitor, query: str) -> str:
        return await owner.read(f"/checks/slug?{query}", htmx=True)

    async def test_free_taken_and_invalid(self, owner: Visitor) -> None:
        number = await owner.make_check(name="<i>Mine</i>", slug="backup")
        await owner.make_check(slug="backup-2")
        assert "nightly is free." in await self.ask(owner, "slug=nightly")
        taken = await self.ask(owner, "slug=backup")
        assert f'<a href="/checks/{number}" target="_blank">&lt;i&gt;Mine&lt;/i&gt;</a>' in taken
        assert 'value="backup-3"' in taken
        assert "backup is free." in await self.ask(owner, f"slug=backup&check_id={number}")
        bad = await self.ask(owner, "slug=Nightly+Backup")
        assert "Only a-z" in bad
        assert 'value="nightly-backup"' in bad

    async def test_a_slug_is_made_of_the_name(self, owner: Visitor) -> None:
        assert 'value="grosse-sicherung"' in await self.ask(owner, "slug=&name=Gr%C3%B6%C3%9Fe+Sicherung")
        assert (await self.ask(owner, "slug=&name=%21")).strip() == ""
        assert (await self.ask(owner, "")).strip() == ""
        assert "At most 100 characters" in await self.ask(owner, f"slug={'x' * 3000}")

    async def test_only_the_own_account_is_looked_at(self, app: Quart, owner: Visitor, store: Store) -> None:
        stranger = Visitor(app.test_client())
        await stranger.post("/keys")
        await stranger.make_check(slug="theirs")
        assert "theirs is free." in await self.ask(owner, "slug=theirs")


class TestTags:
    async def test_tags_in_use_are_offered_the_most_used_first(self, owner: Visitor) -> None:
        await owner.make_check(tags="rare, often")
        await owner.make_check(tags="often")
        page = await owner.read("/checks/new")
        assert re.findall(r'name="tag" value="([^"]+)"', page) == ["often", "rare"]

    async def test_what_is_ticked_and_what_is_typed_add_up(self, owner: Visitor, store: Store) -> None:
        await owner.make_check(tags="a, b")
        response = await owner.post("/checks", GOOD | {"tags": "new, a"}, many={"tag": ["b", "a"]})
        settings = await saved(owner, store, number_in(response.headers["Location"]))
        assert set(settings.tags) == {"a", "b", "new"}

    async def test_tags_that_stay_keep_their_order(self, owner: Visitor, store: Store) -> None:
        number = await owner.make_check(tags="z, m, a")
        await owner.post(f"/checks/{number}/settings", GOOD | {"tags": "new"}, many={"tag": ["a", "z"]})
        assert (await saved(owner, store, number)).tags == ("z", "a", "new")

    async def test_after_an_error_each_stays_where_it_was(self, owner: Visitor) -> None:
        await owner.make_check(tags="a, b")
        page = await text(
            await owner.post("/checks", GOOD | {"name": "", "tags": "b, c"}, many={"tag": ["a"]})
        )
        assert ticked_in(page, "check-form", "tag") == ["a"]
        assert typed_in(page, "check-form")["tags"] == "b, c"


class TestChannels:
    async def test_default_channels_are_ticked_and_others_are_offered(
        self, owner: Visitor, store: Store
    ) -> None:
        first = await owner.make_channel(default="on")
        second = await owner.make_channel()
        page = await owner.read("/checks/new")
        assert ticked_in(page, "check-form", "channel") == [str(first)]
        response = await owner.post("/checks", GOOD | {"shown_channels": "yes"}, many={"channel": [second]})
        number = number_in(response.headers["Location"])
        assert await channels_of(owner, store, number) == (second,)

    async def test_none_ticked_is_none_and_none_shown_is_the_default(
        self, owner: Visitor, store: Store
    ) -> None:
        first = await owner.make_channel(default="on")
        response = await owner.post("/checks", GOOD | {"shown_channels": "yes"})
        assert await channels_of(owner, store, number_in(response.headers["Location"])) == ()
        response = await owner.post("/checks", GOOD)
        assert await channels_of(owner, store, number_in(response.headers["Location"])) == (first,)

    @pytest.mark.parametrize("channel", ["999", "x", "1" * 40, "-1", "1,2"])
    async def test_a_channel_that_is_not_there_is_said(self, owner: Visitor, channel: str) -> None:
        response = await owner.post("/checks", GOOD | {"shown_channels": "yes"}, many={"channel": [channel]})
        assert response.status_code == 422
        assert '<a href="#told">Who is told</a>' in await text(response)

    async def test_an_edit_leaves_them_alone(self, owner: Visitor, store: Store) -> None:
        first = await owner.make_channel(default="on")
        number = await owner.make_check()
        response = await owner.post(f"/checks/{number}/settings", GOOD | {"shown_channels": "yes"})
        assert response.status_code == 303
        assert await channels_of(owner, store, number) == (first,)


class TestPrefilled:
    async def test_a_copy_has_everything_but_the_slug(self, owner: Visitor) -> None:
        channel = await owner.make_channel()
        number = await owner.make_check(
            name="n" * 100, slug="s", tags="a", schedule_type="cron", cron="0 3 * * *", remind="2"
        )
        await owner.post(f"/checks/{number}/integrations", many={"channel": [channel], "shown": [channel]})
        page = await owner.read(f"/checks/new?like={number}")
        form = typed_in(page, "check-form")
        assert (form["name"], form["slug"], form["cron"]) == ("n" * 93 + " (copy)", "", "0 3 * * *")
        assert (form["remind"], ticked_in(page, "check-form", "tag")) == ("2", ["a"])
        assert ticked_in(page, "check-form", "channel") == [str(channel)]
        assert 'action="/checks"' in page

    @pytest.mark.parametrize("number", ["999", "x", "0", "9" * 30, "%D9%A3"])
    async def test_what_is_not_there_can_not_be_copied(self, owner: Visitor, number: str) -> None:
        assert (await owner.get(f"/checks/new?like={number}")).status_code == 404

    async def test_nor_what_is_somebody_elses(self, app: Quart, owner: Visitor) -> None:
        stranger = Visitor(app.test_client())
        await stranger.post("/keys")
        number = await stranger.make_check(name="Theirs")
        assert (await owner.get(f"/checks/new?like={number}")).status_code == 404

    async def test_a_link_fills_fields_in(self, owner: Visitor) -> None:
        page = await owner.read(
            "/checks/new?name=%22%3E%3Cb%3E&schedule_type=oncalendar&oncalendar=Mon+06:00"
        )
        form = typed_in(page, "check-form")
        assert (form["name"], form["schedule_type"], form["oncalendar"]) == (
            '"><b>',
            "oncalendar",
            "Mon 06:00",
        )
        page = await owner.read("/checks/new?schedule_type=lunar")
        assert typed_in(page, "check-form")["schedule_type"] == "interval"


class TestNothingIsLost:
    """Of a form that can't be taken for a reason that has nothing to do with it."""

    FORM = GOOD | {"name": "Typed at length", "description": "two\nlines"}
    SAME = {"Sec-Fetch-Site": "same-origin"}

    async def send(self, owner: Visitor, form: dict[str, str], token: str, *, htmx: bool) -> str:
        headers = self.SAME | ({"HX-Request": "true"} if htmx else {})
        sent = {"csrf_token": token} | form
        response = await owner.client.post("/checks", form=sent, headers=headers)
        page = await text(response)
        if htmx:
            assert response.headers["HX-Retarget"] == "#notice"
            assert re.search(r'id="form-token" name="csrf_token" value="[^"]+" hx-swap-oob', page)
        else:
            assert "two\nlines</textarea>" in page
            assert "Typed at length</textarea>" in page
            assert "Send it again" in page
        return f"{response.status_code} {page}"

    @pytest.fixture
    async def former(self, owner: Visitor, store: Store) -> Visitor:
        """The owner, whose session ended while the form lay open."""
        await owner.read("/checks/new")
        for key in await store.redis.keys("*session*"):
            await store.redis.delete(key)
        return owner

    @pytest.mark.parametrize("htmx", [True, False])
    async def test_when_the_session_has_ended(
        self, former: Visitor, account: tuple[object, str], *, htmx: bool
    ) -> None:
        token = re.search(r'value="([^"]+)"', await former.read("/"))
        assert token
        said = await self.send(former, self.FORM, token[1], htmx=htmx)
        assert said.startswith("401")
        assert "log in in another tab" in said
        # After that the token is another one, and a fresh one comes with the refusal.
        former.token = ""
        await former.post("/login", auth_key=account[1])
        said = await self.send(former, self.FORM, token[1], htmx=htmx)
        assert said.startswith("403")
        fresh = re.findall(r'name="csrf_token" value="([^"]+)"', said)
        response = await former.client.post("/checks", form={"csrf_token": fresh[-1]} | self.FORM)
        assert response.status_code == 303

    @pytest.mark.parametrize("path", ["/checks/preview", "/checks/schedule"])
    async def test_what_the_form_asks_for_by_itself_does_not_lead_away(
        self, former: Visitor, path: str
    ) -> None:
        assert (await former.get("/checks/slug?slug=a", htmx=True)).status_code == 401
        assert (await former.get("/checks/slug?slug=a")).status_code == 303
        response = await former.post(path, self.FORM, htmx=True)
        assert response.status_code == 401
        assert "HX-Redirect" not in response.headers

    async def test_when_the_database_is_away(
        self, owner: Visitor, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*_: object, **__: object) -> None:
            raise StoreUnavailable

        await owner.post("/checks/preview", self.FORM)  # for the token
        monkeypatch.setattr(check_settings, "create_check", away)
        for htmx in (True, False):
            said = await self.send(owner, self.FORM, owner.token, htmx=htmx)
            assert said.startswith("503")
            assert "The database is away" in said

    async def test_a_form_of_another_site_is_not_shown_again(self, owner: Visitor) -> None:
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            response = await owner.client.post("/checks", form=self.FORM, headers=headers)
            assert response.status_code == 403
            assert "Typed at length" not in await text(response)


async def test_a_strangers_settings_are_not_there(app: Quart, owner: Visitor, store: Store) -> None:
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    assert stranger.id
    theirs = Visitor(app.test_client())
    await theirs.post("/keys")
    number = await theirs.make_check()
    assert (await owner.get(f"/checks/{number}/settings")).status_code == 404
    assert (await owner.post(f"/checks/{number}/settings", GOOD)).status_code == 404
    response = await owner.post("/checks/schedule", GOOD | {"preset": "cron-1", "check_id": str(number)})
    assert response.status_code == 404


async def test_zones_are_kept_by_browsers(owner: Visitor) -> None:
    response = await owner.get("/zones", htmx=True)
    assert '<option value="Europe/Riga">' in await text(response)
    assert response.headers["Cache-Control"] == "private, max-age=86400"
    assert "Europe/Riga</option>" not in await owner.read("/checks/new")


async def test_the_danger_zone_says_what_it_does(owner: Visitor) -> None:
    number = await owner.make_check()
    page = await owner.read(f"/checks/{number}/settings")
    assert f'action="/checks/{number}/pause"' in page
    assert f'action="/checks/{number}/delete"' in page
    response = await owner.post(f"/checks/{number}/pause", back=f"/checks/{number}/settings")
    assert response.headers["Location"] == f"/checks/{number}/settings"
    assert "It is paused." in await owner.read(f"/checks/{number}/settings")
