"""The account's status pages on the screen: the form that carries its lines along, and whose pages one can touch."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from tests.conftest import MASTER_KEY
from tests.lua.parts import make_check
from tests.web.conftest import Visitor, text, ticked_in, typed_in
from ttr.domain import limits
from ttr.domain.status_page import Entry, StatusPage, StatusPageSettings
from ttr.now import now_ms
from ttr.store.errors import NotFound
from ttr.store.redis import Store
from ttr.store.status_pages import create_status_page, get_status_page, list_status_pages
from ttr.store.users import User, create_user
from ttr.web.security import LONGER_FORM_MAX
from ttr.web.status_page_form import Typed, read, rearrange, with_slug

pytestmark = pytest.mark.usefixtures("nothing_is_kept")

A, B, TAG, HEAD = Entry("check", "1"), Entry("check", "2"), Entry("tag", "db"), Entry("heading", "Night")
NAMES = {1: "One", 2: "Two"}


def typed(*entries: Entry, **values: str) -> Typed:
    return Typed("", {"name": "", "slug": "", **values}, entries)


async def page_of(store: Store, user: User, *entries: Entry, **changes: object) -> StatusPage:
    settings = StatusPageSettings(**{"name": "Production", "slug": "prod", "entries": entries, **changes})  # type: ignore[arg-type]
    return await create_status_page(store, user, settings, now=now_ms(), most=100)


@pytest.mark.parametrize(
    ("button", "after", "focus", "said"),
    [
        ("up:1", (B, A, TAG), "down-0", "Two is 1 of 3 now."),
        ("up:2", (A, TAG, B), "up-1", "The tag db is 2 of 3 now."),
        ("down:0", (B, A, TAG), "down-1", "One is 2 of 3 now."),
        ("down:1", (A, TAG, B), "up-2", "Two is 3 of 3 now."),
        ("remove:0", (B, TAG), "remove-0", "One is taken off."),
        ("remove:2", (A, B), "remove-1", "The tag db is taken off."),
        ("heading", (A, B, TAG, Entry("heading", "")), "entry-3", "A heading is added at the end."),
        (
            "add:check:7",
            (A, B, TAG, Entry("check", "7")),
            "sought",
            "A check that is gone is added at the end.",
        ),
        ("add:tag:a:b", (A, B, TAG, Entry("tag", "a:b")), "sought", "The tag a:b is added at the end."),
        ("add:check:1", (A, B, TAG), "sought", "One is added at the end."),
    ],
)
def test_what_a_button_does(button: str, after: tuple[Entry, ...], focus: str, said: str) -> None:
    arranged = rearrange(typed(A, B, TAG), button, NAMES)
    assert arranged.typed.entries == after
    assert (arranged.focus, arranged.said) == (focus, said)


def test_the_last_line_leaves_the_focus_where_one_goes_on() -> None:
    assert rearrange(typed(A), "remove:0", NAMES).focus == "sought"


@pytest.mark.parametrize(
    "button",
    [
        *("", "find", "up", "up:", "up:0", "up:3", "down:2", "up:-1", "up:x", "remove:99999999", "up:\u0661"),
        *("add:", "add:check:", "add:x:1", "add:check:x", "add:check:0", "add:check:" + "9" * 20),
    ],
)
def test_a_button_that_is_none_does_nothing(button: str) -> None:
    assert rearrange(typed(A, B, TAG), button, NAMES).typed.entries == (A, B, TAG)


def test_a_page_that_is_full_says_so() -> None:
    full = typed(*(Entry("check", str(number + 1)) for number in range(limits.STATUS_PAGE_ENTRIES_MAX)))
    for button in ("heading", "add:tag:db"):
        arranged = rearrange(full, button, {})
        assert arranged.typed == full
        assert arranged.said == "A page has at most 500 lines."


@given(st.lists(st.sampled_from([A, B, TAG, HEAD]), max_size=6), st.lists(st.text(max_size=12), max_size=8))
def test_no_button_loses_or_doubles_a_line(entries: list[Entry], buttons: list[str]) -> None:
    form, kept = typed(*entries), sorted(map(repr, entries))
    for place, button in enumerate(buttons):
        form = rearrange(form, f"{('up', 'down')[place % 2]}:{len(button) % 7}", NAMES).typed
        form = rearrange(form, f"down:{button}", NAMES).typed
    assert sorted(map(repr, form.entries)) == kept


def test_lines_that_no_form_of_ours_holds_are_dropped() -> None:
    form: MultiDict[str, str] = MultiDict(
        [
            *(("entry_kind", kind) for kind in ("check", "check", "x", "tag", "heading", "heading")),
            *(("entry_value", value) for value in ("1", "x", "1", "db", "")),
            ("theme", "none"),
            ("visibility", "everybody"),
            ("page", "../1"),
        ]
    )
    found = read(form)
    assert found.entries == (A, TAG, Entry("heading", ""))
    assert (found.values["theme"], found.values["visibility"], found.number) == ("cyberpunk", "public", "")


def test_of_more_lines_than_a_page_may_have_one_is_left_for_the_refusal() -> None:
    lines = [
        (name, value) for _ in range(600) for name, value in (("entry_kind", "tag"), ("entry_value", "db"))
    ]
    form: MultiDict[str, str] = MultiDict(lines)
    assert len(read(form).entries) == limits.STATUS_PAGE_ENTRIES_MAX + 1


def test_a_slug_is_made_of_the_title_where_none_was_typed() -> None:
    assert with_slug(typed(name="Nightly Jobs"), []).values["slug"] == "nightly-jobs"
    assert with_slug(typed(name="Nightly Jobs"), ["nightly-jobs"]).values["slug"] == "nightly-jobs-2"
    assert with_slug(typed(name="Nightly Jobs", slug="mine"), []).values["slug"] == "mine"
    assert with_slug(typed(name="\u041d\u043e\u0447\u044c"), []).values["slug"] == ""


async def test_a_page_is_made_and_changed_without_htmx(store: Store, owner: Visitor) -> None:
    check = await owner.make_check(name="Backup")
    made = await owner.post(
        "/status-pages",
        {"name": "My jobs", "layout": "grid", "theme": "retro", "scheme": "dark", "visibility": "unlisted"},
        many={"entry_kind": ["heading", "check"], "entry_value": ["Night", check]},
        notice_text="Soon",
        notice_level="maintenance",
    )
    assert made.status_code == 303
    where = made.headers["Location"]
    page = await owner.read(where)
    fields = typed_in(page, "page-form")
    assert (fields["name"], fields["slug"], fields["layout"]) == ("My jobs", "my-jobs", "grid")
    assert (fields["notice_text"], fields["notice_level"], fields["visibility"]) == (
        "Soon",
        "maintenance",
        "unlisted",
    )
    assert ticked_in(page, "page-form", "entry_value") == ["Night", str(check)]
    assert owner.user is not None
    badge = f"/s/{owner.user.public_slug}/my-jobs/badge.svg"
    assert f"![My jobs](http://localhost{badge})" in page
    assert (await owner.get(badge)).status_code == 200
    saved = await owner.post(
        where, fields | {"name": "Renamed"}, many={"entry_kind": ["check"], "entry_value": [check]}
    )
    assert (saved.status_code, saved.headers["Location"]) == (303, where)
    assert owner.user is not None
    (stored,) = await list_status_pages(store, owner.user)
    assert stored.name == "Renamed"
    assert stored.settings.entries == (Entry("check", str(check)),)
    assert stored.settings.notice is not None


async def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(owner: Visitor) -> None:
    sent = {"name": " ", "slug": "No Slug", "intro": "x" * 5_001, "notice_text": "y" * 1_001}
    empty: Mapping[str, list[object]] = {"entry_kind": ["heading"], "entry_value": [""]}
    refused = await owner.post("/status-pages", sent, many=empty)
    assert refused.status_code == 422
    page = await text(refused)
    for name in ("name", "slug", "intro", "notice_text"):
        assert f'id="{name}-error"' in page
    assert typed_in(page, "page-form")["intro"] == sent["intro"]
    refused = await owner.post("/status-pages", name="Jobs", many=empty)
    assert "A heading can&#39;t be empty." in await text(refused)


async def test_the_quota_is_told(store: Store, owner: Visitor) -> None:
    assert owner.user is not None
    for number in range(20):
        await page_of(store, owner.user, slug=f"p{number}")
    refused = await owner.post("/status-pages", name="One more")
    assert refused.status_code == 422
    assert "Your account has 20 status pages, as many as it may have." in await text(refused)


async def test_nobody_touches_somebody_elses_page(store: Store, owner: Visitor) -> None:
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    theirs = await make_check(store, stranger, name="Their secret check")
    page = await page_of(store, stranger, Entry("check", str(theirs.id)), name="Their page")
    at = f"/status-pages/{page.id}"
    for path in (at, f"{at}/delete"):
        assert (await owner.get(path)).status_code == 404
    for path in (at, f"{at}/delete"):
        assert (await owner.post(path, sure="yes", name="Mine", slug="mine")).status_code == 404
    lines = {"entry_kind": ["check"], "entry_value": [theirs.id]}
    for path in ("/status-pages/arrange", "/status-pages/preview"):
        assert (await owner.post(path, page=str(page.id), many=lines)).status_code == 404
    for path in ("/status-pages/arrange", "/status-pages/preview", "/status-pages/choices"):
        for htmx in (True, False):
            response = await owner.post(path, {"do": f"add:check:{theirs.id}"}, htmx=htmx, many=lines)
            shown = await text(response)
            assert response.status_code == 200
            assert "Their secret check" not in shown
            assert "Their page" not in shown
    assert (await owner.post("/status-pages", name="Mine", many=lines)).status_code == 303
    assert owner.user is not None
    (mine,) = await list_status_pages(store, owner.user)
    assert mine.settings.entries == ()
    assert (await get_status_page(store, stranger, page.id)).name == "Their page"


async def test_a_page_is_deleted_only_when_that_was_said(store: Store, owner: Visitor) -> None:
    assert owner.user is not None
    page = await page_of(store, owner.user)
    asked = await owner.post(f"/status-pages/{page.id}/delete")
    assert asked.headers["Location"] == f"/status-pages/{page.id}/delete"
    assert "Delete Production?" in await owner.read(f"/status-pages/{page.id}/delete")
    gone = await owner.post(f"/status-pages/{page.id}/delete", sure="yes")
    assert gone.headers["Location"] == "/status-pages"
    with pytest.raises(NotFound):
        await get_status_page(store, owner.user, page.id)


async def test_a_check_that_was_deleted_is_said_to_be_gone_and_left_out_when_saved(
    store: Store, owner: Visitor
) -> None:
    check, other = await owner.make_check(name="Going"), await owner.make_check(name="Staying")
    assert owner.user is not None
    page = await page_of(store, owner.user, Entry("check", str(check)), Entry("check", str(other)))
    await owner.post(f"/checks/{check}/delete", sure="yes")
    shown = await owner.read(f"/status-pages/{page.id}")
    assert "gone; it is not shown" in shown
    fields = typed_in(shown, "page-form")
    lines: Mapping[str, list[object]] = {"entry_kind": ["check", "check"], "entry_value": [check, other]}
    fields["name"] = "Renamed"
    assert (await owner.post(f"/status-pages/{page.id}", fields, many=lines)).status_code == 303
    saved = await get_status_page(store, owner.user, page.id)
    assert saved.settings.entries == (Entry("check", str(other)),)


async def test_the_longest_form_passes_and_one_above_does_not(owner: Visitor) -> None:
    emoji = "\U0001f600"
    check = await owner.make_check()
    kinds = ["heading"] * 50 + ["tag"] * 20 + ["check"] * 430
    values: list[object] = [emoji * 100] * 50 + [f"{n}{emoji * 48}"[:50] for n in range(20)] + [check] * 430
    fields = {"name": emoji * 100, "slug": "s" * 100, "intro": emoji * 5_000, "notice_text": emoji * 1_000}
    made = await owner.post("/status-pages", fields, many={"entry_kind": kinds, "entry_value": values})
    assert made.status_code == 303, re.findall(r'error">([^<]+)', await text(made))
    above = await owner.post("/status-pages", fields | {"name": "x" * LONGER_FORM_MAX})
    assert above.status_code == 413
    assert "200 kB" in await text(above)


async def test_the_preview_shows_what_is_typed_and_says_what_it_waits_for(owner: Visitor) -> None:
    check = await owner.make_check(name="Backup")
    lines: Mapping[str, list[object]] = {"entry_kind": ["heading", "check"], "entry_value": ["Night", check]}
    shown = await text(
        await owner.post("/status-pages/preview", {"layout": "timeline"}, htmx=True, many=lines)
    )
    assert "line__node" in shown
    assert "Night" in shown
    assert "hx-get" not in shown
    bad = await text(await owner.post("/status-pages/preview", intro="x" * 5_001, htmx=True, many=lines))
    assert "The preview waits: At most 5,000 characters." in bad
