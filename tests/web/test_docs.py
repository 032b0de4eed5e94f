"""The documentation in the app: its pages, what a browser may keep of them, the search, the help that pages offer."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from quart.typing import TestClientProtocol as Client

from tests.web.conftest import Visitor
from ttr.app import create_app
from ttr.settings import Settings
from ttr.store.errors import StoreUnavailable
from ttr.web import docs, docs_text
from ttr.web.docs_contents import around, decisions, name_at, pages, read_contents
from ttr.web.docs_help import help_at
from ttr.web.docs_pages import page
from ttr.web.docs_search import FOUND_MAX, Indexed, find, index, words_of
from ttr.web.docs_text import BASE, make_page, slug, target


async def text(client: Client, path: str, status: int = 200) -> str:
    answer = await client.get(path)
    assert answer.status_code == status, path
    return str(await answer.get_data(as_text=True))


async def test_every_page_of_the_contents_is_shown_to_everybody(client: Client) -> None:
    front = await text(client, "/docs")
    for entry in pages().values():
        assert f'href="{entry.address}"' in front
        shown = await text(client, entry.address)
        assert f'<a href="{entry.address}" aria-current="page">' in shown
        assert shown.count("<h1") == 1
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", shown)
        assert BASE not in shown


async def test_a_decision_is_under_decisions(client: Client) -> None:
    listed = await text(client, "/docs/decisions")
    for name in decisions():
        assert f'href="/docs/{name}"' in listed
    shown = await text(client, f"/docs/{decisions()[0]}")
    assert '<a href="/docs/decisions" aria-current="true">' in shown


@pytest.mark.parametrize(
    "path", ["nothing", "README", "decisions/nothing", "images/nothing.png", "images/x.py"]
)
async def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    await text(client, f"/docs/{path}", 404)


async def test_no_file_outside_of_its_folders_is_shown(client: Client) -> None:
    for path in (
        "images/..%2Fsettings.md",
        "images/%2E%2E/settings.md",
        "prometheus/../../LICENSE",
        "decisions/..%2Fapi",
    ):
        await text(client, f"/docs/{path}", 404)


async def test_the_commands_have_the_installations_own_address(settings: Settings, app: Quart) -> None:
    assert "BASE=http://jobs.example:81" in await text(_at(app, "jobs.example:81"), "/docs/json-api")
    named = create_app(settings.model_copy(update={"public_url": "https://ttr.example.com/sub"}))
    async with named.test_app():
        shown = await text(named.test_client(), "/docs/recipes")
    assert "https://ttr.example.com/sub/p/USER_SLUG/backup" in shown
    assert "localhost" not in re.sub(r"<head>.*?</head>", "", shown, flags=re.DOTALL)


def test_an_address_can_bring_no_markup() -> None:
    made = make_page("pings", f"Ping <{BASE}/p>.\n\n```sh\ncurl {BASE}\n```\n")
    assert "<script>" not in made.text('http://x"><script>')


async def test_a_browser_that_has_the_page_is_told_so(app: Quart, visitor: Visitor) -> None:
    await visitor.read("/docs/pings")  # its cookie comes with the first page
    first = await visitor.get("/docs/pings")
    assert first.headers["Cache-Control"] == "private, no-cache"
    again: Any = await visitor.client.get("/docs/pings", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, await again.get_data(as_text=False)) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    # Another page, another look and another reader have another tag.
    for other in (
        await visitor.get("/docs/alerts"),
        await app.test_client().get("/docs/pings"),
        await _after_light(visitor),
    ):
        assert other.headers["ETag"] != first.headers["ETag"]


async def test_a_login_and_its_end_change_the_page(owner: Visitor) -> None:
    first = await owner.get("/docs/pings")
    assert "Log out" in await first.get_data(as_text=True)
    await owner.post("/logout")
    after: Any = await owner.client.get("/docs/pings", headers={"If-None-Match": first.headers["ETag"]})
    assert after.status_code == 200
    assert "Log out" not in await after.get_data(as_text=True)


async def test_it_is_read_while_redis_is_away(owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(docs, "visitor", away)
    assert "Running it" in await owner.read("/docs/operations")
    assert "Snapshots" in await owner.read("/docs/search?q=snapshots")


async def test_a_picture_is_kept_and_asked_for_by_its_tag(client: Client) -> None:
    answer = await client.get("/docs/images/check.png")
    assert (answer.content_type, answer.headers["Cache-Control"]) == ("image/png", "public, max-age=3600")
    again = await client.get("/docs/images/check.png", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


async def test_the_recipes_are_those_of_the_check_page(client: Client, owner: Visitor) -> None:
    number = await owner.make_check(name="Backup", slug="backup", schedule_type="cron", cron="0 3 * * *")
    mine = await owner.read(f"/checks/{number}")
    shown = await text(client, "/docs/recipes")
    assert owner.user
    for code in re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", shown, re.DOTALL):
        its = code.replace("USER_SLUG", owner.user.user_slug)
        assert its in mine.replace("\n</code>", "</code>"), code
    assert shown.count("<pre") > 12


async def test_a_search_finds_sections_and_shows_them_in_a_page_or_a_fragment(client: Client) -> None:
    whole = await text(client, "/docs/search?q=SNAPSHOT_interval_seconds")
    part = await text(client, "/docs/search/found?q=SNAPSHOT_interval_seconds")
    for found in (whole, part):
        assert 'href="/docs/settings"' in found
        assert "<mark>SNAPSHOT_INTERVAL_SECONDS</mark>" in found
    assert "<html" in whole
    assert "<html" not in part
    assert (await client.get("/docs/search?q=x")).headers["X-Robots-Tag"] == "noindex"
    assert "X-Robots-Tag" not in (await client.get("/docs/pings")).headers


async def test_what_is_looked_for_is_text(client: Client) -> None:
    shown = await text(client, "/docs/search?q=%3Cscript%3Ealert(1)%3C/script%3E%20(%5B*")
    assert "<script>alert" not in shown
    assert "Nothing has" in shown
    assert "Nothing has" not in await text(client, "/docs/search?q=%20%20")


def test_a_search_looks_for_so_many_words_and_shows_so_many_places() -> None:
    assert len(words_of("a " * 60)) == 8
    assert words_of("x" * 1_000) == ["x" * 100]
    many = [Indexed(f"p{n}", "P", "T", f"/docs/p{n}", "word", "p t word") for n in range(50)]
    assert len(find(many, ["word"])) == FOUND_MAX
    assert len(find([many[0]] * 9, ["word"])) == 4
    assert find(many, []) == []


def test_a_search_for_single_letters_costs_no_more_than_one_for_words() -> None:
    page = make_page("x", "# X\n\n" + "a e i o u s t r " * 4_000)
    began = time.process_time()
    (found,) = find(index([page]), words_of("a e i o u s t r"))
    # 3 ms; many seconds when each of the places is compared with all others.
    assert time.process_time() - began < 0.2
    assert len(found.extract) > 8


def test_titles_come_before_text_and_decisions_last() -> None:
    made = [
        make_page("decisions/0001-x", "# Redis\n\nRedis."),
        make_page("one", "# One\n\nRedis is here.\n\n## Two\n\nNothing."),
        make_page("two", "# Two\n\nText.\n\n## About Redis\n\nIt is there, redis."),
    ]
    found = find(index(made), ["redis"])
    assert [one.address for one in found] == ["/docs/two#about-redis", "/docs/one", "/docs/decisions/0001-x"]
    assert found[1].extract == (("Redis", True), (" is here.", False))
    assert [one.address for one in find(index(made), ["two", "about"])] == ["/docs/two#about-redis"]


def test_headings_have_the_anchors_of_a_forge() -> None:
    assert slug("`GET /health`: is all well?") == "get-health-is-all-well"
    assert slug("Changing SECRET_KEY") == "changing-secret_key"
    made = make_page("x", "# X\n\n## A b\n\n## A `b`\n\n### C\n")
    assert [(one.level, one.anchor) for one in made.headings] == [(2, "a-b"), (2, "a-b-1"), (3, "c")]


def test_links_lead_to_the_apps_own_pages() -> None:
    assert target("alerts", "pings.md#answers") == "/docs/pings#answers"
    assert target("alerts", "#told") == "#told"
    assert target("alerts", "api.md#limits") == "/docs/json-api#limits"
    assert target("decisions/0001-x", "../operations.md") == "/docs/operations"
    assert target("decisions/0001-x", "0002-y.md") == "/docs/decisions/0002-y"
    assert target("alerts", "decisions/") == "/docs/decisions"
    assert target("alerts", "README.md") == "/docs"
    assert target("metrics", "prometheus/rules.yml") == "/docs/prometheus/rules.yml"
    assert target("alerts", "../SECURITY.md") == ""
    made = make_page("alerts", "See [the code](../ttr/app.py) and [pings](pings.md).")
    assert made.html == '<p>See the code and <a href="/docs/pings">pings</a>.</p>\n'


def test_comments_are_not_shown_and_markup_is_text() -> None:
    made = make_page("x", "<!-- not run: no -->\n\nA <!-- b --> `<b>` c\n\n```sh\necho '<b>' \"x\"\n```\n")
    assert "<!--" not in made.html
    assert "not run" not in made.html
    assert "&lt;b&gt;" in made.html
    assert 'data-copy="echo &#39;&lt;b&gt;&#39; &#34;x&#34;"' in made.html


def test_a_drawing_is_part_of_the_page_and_leaves_its_own_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/x.svg").write_text(
        "<?xml version='1.0'?><!-- a --><svg aria-labelledby='t'><title id='t'>T</title>"
        "<style>svg { color: red }</style><rect class='state state--up'/></svg>\n"
    )
    monkeypatch.setattr(docs_text, "DOCS", tmp_path)
    made = make_page("concepts", '![A "drawing"](images/x.svg)')
    assert 'tabindex="0" role="group" aria-label="A &#34;drawing&#34;"><svg aria-labelledby' in made.html
    assert "<rect class='state state--up'/></svg></span>" in made.html
    assert "style>" not in made.html
    assert "<title id='t'>T</title>" in made.html


def test_a_picture_says_its_size() -> None:
    made = make_page("x", "![The dashboard](images/dashboard.png)")
    assert re.search(
        r'<img src="/docs/images/dashboard.png" alt="The dashboard" width="\d{3,4}" height="\d{3,4}" ',
        made.html,
    )


def test_a_table_moves_within_itself_and_has_no_empty_heading() -> None:
    made = make_page("x", "# X\n\n## Rates\n\n| a | |\n|---|---|\n| 1 | 2 |\n")
    assert 'tabindex="0" role="group" aria-label="Table 1: Rates"' in made.html
    assert '<th scope="col">a</th>' in made.html
    assert "<th></th>" not in made.html
    assert made.html.count("<td></td>") == 1


def test_contents_are_read_from_headings_and_lists() -> None:
    (group,) = read_contents(
        "# D\n\nWords.\n\n## Start here\n\n* [One](one.md): `a` b\n* [Why](decisions/): c\n* no\n"
    )
    assert (group.title, group.anchor) == ("Start here", "start-here")
    assert [(one.name, one.title, one.about) for one in group.entries] == [
        ("one", "One", "a b"),
        ("decisions", "Why", "c"),
    ]


def test_one_goes_on_from_page_to_page() -> None:
    order = [*pages()]
    assert around(order[0])[0] is None
    assert around(order[-1])[1] is None
    before, after = around(order[1])
    assert before is not None
    assert after is not None
    assert (before.name, after.name) == (order[0], order[2])
    assert around("decisions/0001-x") == (None, None)


def test_the_page_of_the_api_is_beside_its_reference() -> None:
    assert (name_at("json-api"), name_at("api"), name_at("pings")) == ("api", "", "pings")
    with pytest.raises(KeyError):
        page("api/../x")


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("/dashboard", "/docs/dashboard"),
        ("/checks/new", "/docs/schedules"),
        ("/checks/7", "/docs/concepts"),
        ("/checks/7/settings", "/docs/schedules"),
        ("/checks/7/integrations", "/docs/channels"),
        ("/channels/3/delete", "/docs/channels"),
        ("/account/keys/x", "/docs/json-api#account"),
        ("/nowhere", "/docs"),
    ],
)
def test_help_leads_to_what_a_page_is_about(path: str, leads: str) -> None:
    assert help_at(path) == leads


async def test_pages_lead_to_the_documentation(owner: Visitor, client: Client) -> None:
    assert '<a class="header__link header__help" href="/docs/channels">Help</a>' in await owner.read(
        "/channels"
    )
    assert 'href="/docs/quick-start"' in await text(client, "/")
    assert '<a class="header__link header__help" href="/docs">Docs</a>' in await text(client, "/")
    assert 'href="/docs"' in await text(client, "/nowhere", 404)


def _at(app: Quart, host: str) -> Any:
    client = app.test_client()

    class _Client:
        async def get(self, path: str) -> Any:
            return await client.get(path, headers={"Host": host})

    return _Client()


async def _after_light(visitor: Visitor) -> Any:
    await visitor.post("/appearance", scheme="light")
    return await visitor.get("/docs/pings")
