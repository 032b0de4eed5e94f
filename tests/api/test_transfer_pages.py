"""Status pages in an account's file: written, read into an account, and taken back with all else."""

import json
from typing import Any
from uuid import uuid4

import pytest
from quart import Quart

from tests.api.conftest import Caller, problem
from tests.api.test_transfer import JOB, elsewhere, export, holding, lasting, load, newcomer, of, refused
from tests.conftest import MASTER_KEY
from ttr.app import create_app
from ttr.domain import limits
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.users import create_user
from ttr.transfer import steps

PAGE = {"name": "Prod", "slug": "prod"}


async def add(api: Caller, **fields: Any) -> Any:
    status, page = await api.call("POST", "/status-pages", PAGE | fields)
    assert status == 201, page
    return page


async def pages(api: Caller) -> list[Any]:
    status, found = await api.call("GET", "/status-pages")
    assert status == 200
    return list(found)


def said(page: Any) -> Any:
    """What its owner said, and which checks that shows, by name."""
    own = ("name", "slug", "visibility", "layout", "theme", "scheme", "intro", "notice")
    order = [next(iter(entry)) for entry in page["entries"]]
    return {name: page[name] for name in own}, order, [check["name"] for check in page["checks"]]


async def furnish(api: Caller) -> None:
    """Pages with everything that a file can hold, of checks with slugs and without."""
    named = await api.make(name="Named", slug="named", tags=["db"])
    plain = await api.make(name="Plain")
    await api.make(name="Tagged", tags=["db"])
    await add(
        api,
        visibility="unlisted",
        layout="timeline",
        theme="arcade",
        scheme="light",
        intro="Hello\n*there*",
        notice={"level": "maintenance", "text": "Soon \u2603"},
        entries=[
            {"heading": "A"},
            {"check": plain["id"]},
            {"tag": "db"},
            {"heading": 'B "quoted"'},
            {"check": named["id"]},
            {"tag": "nothing"},
        ],
    )
    await add(api, slug="empty", is_public=False)


async def test_pages_come_back_elsewhere_as_they_were(app: Quart, api: Caller, store: Store) -> None:
    await furnish(api)
    file, before = await export(api), await pages(api)
    first = file["status_pages"][0]
    assert first["check_slugs"] == [file["checks"][1]["uuid"], "named"]
    assert first["entries"][1:3] == [{"check": file["checks"][1]["uuid"]}, {"tag": "db"}]
    there = await elsewhere(app, store)
    # Its numbers are others.
    await there.make(name="Here first")
    report = await load(there, file)
    assert (report["status_pages_imported"], report["warnings"]) == (2, [])
    assert [said(page) for page in await pages(there)] == [said(page) for page in before]
    after = await export(there)
    assert after["status_pages"] == file["status_pages"]


async def test_a_page_finds_its_checks_also_when_their_uuids_are_others(
    app: Quart, api: Caller, store: Store
) -> None:
    await furnish(api)
    before = await pages(api)
    other = await newcomer(app, store)
    report = await load(other, await export(api))
    assert report["status_pages_imported"] == 2
    assert "2 checks get UUIDs" in report["warnings"][0] or "3 checks get UUIDs" in report["warnings"][0]
    assert [said(page) for page in await pages(other)] == [said(page) for page in before]
    own = {check["id"] for check in (await other.call("GET", "/checks"))[1]["items"]}
    assert {check["id"] for page in await pages(other) for check in page["checks"]} <= own


async def test_an_import_of_what_is_there_changes_nothing(api: Caller, store: Store) -> None:
    await furnish(api)
    file = await export(api)
    holds = await holding(store)
    report = await load(api, file)
    assert (report["status_pages_imported"], report["unchanged_count"], report["warnings"]) == (2, 3, [])
    assert await holding(store) == holds


async def test_a_dry_run_counts_pages_and_writes_nothing(api: Caller, store: Store) -> None:
    await furnish(api)
    file = await export(api)
    file["status_pages"][0]["intro"] = "Changed"
    file["status_pages"].append({"name": "New", "slug": "new", "check_slugs": ["new-job", "named", "gone"]})
    file["checks"].append(JOB | {"slug": "new-job"})
    holds = await holding(store)
    report = await load(api, file, "?dry_run=1")
    assert report["status_pages_imported"] == 3
    assert report["warnings"] == ["The status page New was to show 1 checks that there are not: gone."]
    assert await holding(store) == holds
    assert (await load(api, file))["status_pages_imported"] == 3
    found = await pages(api)
    assert [page["slug"] for page in found] == ["prod", "empty", "new"]
    assert found[0]["intro"] == "Changed"
    assert [check["name"] for check in found[2]["checks"]] == ["job", "Named"]


async def test_the_seeds_pages_link_checks_of_the_file_and_of_the_account(api: Caller) -> None:
    there = await api.make(name="There", slug="there")
    uuid = str(uuid4())
    file = of(
        # A check without a slug has its UUID in that place.
        JOB | {"name": "By UUID", "slug": uuid},
        JOB | {"name": "New", "slug": "new"},
        status_pages=[PAGE | {"check_slugs": ["new", uuid.upper(), "there", "gone", "new", "lost"]}],
    )
    report = await load(api, file)
    assert report["status_pages_imported"] == 1
    assert report["warnings"] == ["The status page Prod was to show 2 checks that there are not: gone, lost."]
    (page,) = await pages(api)
    assert [check["name"] for check in page["checks"]] == ["New", "By UUID", "There"]
    assert (page["visibility"], page["check_ids"][2]) == ("public", there["id"])
    # A second time it is the same page, whatever else was set here since.
    path = f"/status-pages/{page['id']}"
    entries = [{"heading": "A"}, *page["entries"]]
    _, page = await api.call("PATCH", path, {"theme": "retro", "entries": entries})
    assert (await load(api, file))["status_pages_imported"] == 1
    assert await pages(api) == [page]
    file["status_pages"][0] |= {"name": "Renamed", "check_slugs": ["there"]}
    await load(api, file)
    (seen,) = await pages(api)
    assert (seen["id"], seen["name"], seen["theme"]) == (page["id"], "Renamed", "retro")
    assert seen["entries"] == [{"heading": "A"}, {"check": there["id"]}]


async def test_a_slug_means_the_check_that_will_have_it(api: Caller) -> None:
    one = await api.make(name="One", slug="a")
    file = of(
        JOB | {"name": "One", "uuid": one["uuid"], "slug": "b"},
        JOB | {"name": "Two", "slug": "a"},
        status_pages=[
            PAGE | {"check_slugs": ["b", "a"]},
            PAGE | {"slug": "s", "check_slugs": ["a", one["uuid"]]},
        ],
    )
    assert (await load(api, file))["warnings"] == []
    first, second = await pages(api)
    assert [check["name"] for check in first["checks"]] == ["One", "Two"]
    assert [check["name"] for check in second["checks"]] == ["Two", "One"]
    # One that a check leaves is nobody's.
    file = of(
        JOB | {"name": "One", "uuid": one["uuid"], "slug": "c"},
        status_pages=[PAGE | {"check_slugs": ["b", "c"]}],
    )
    assert (await load(api, file))["warnings"] == [
        "The status page Prod was to show 1 checks that there are not: b."
    ]
    assert (await pages(api))[0]["check_ids"] == [one["id"]]


async def test_checks_of_another_account_are_linked_by_no_name(api: Caller, app: Quart, store: Store) -> None:
    other = await newcomer(app, store)
    foreign = await other.make(name="Foreign", slug="foreign")
    names = ["foreign", foreign["uuid"]]
    report = await load(api, of(JOB, status_pages=[PAGE | {"check_slugs": names}]))
    assert report["warnings"] == [
        f"The status page Prod was to show 2 checks that there are not: {', '.join(names)}."
    ]
    assert (await pages(api))[0]["checks"] == []


async def test_a_page_that_is_wrong_refuses_the_whole_file(api: Caller, store: Store) -> None:
    holds = await holding(store)
    good = PAGE | {"check_slugs": ["job"]}
    file = of(
        JOB | {"slug": "job"}, status_pages=[good, {"name": "", "slug": "Up"}, 5, good | {"layout": "x"}]
    )
    answer = await api.raw("POST", "/checks/import", json.dumps(file).encode())
    assert answer.status_code == 400
    assert (await problem(answer)).keys() == {
        "status_pages.1.name",
        "status_pages.1.slug",
        "status_pages.2",
        "status_pages.3.layout",
    }
    assert "The status pages can't be imported, so nothing was." in (await answer.get_json())["detail"]
    report = await load(api, file, "?dry_run=1")
    assert len(report["errors"]) == 4
    assert report["errors"][0].startswith("status_pages.1.name: ")
    # Two that contradict each other are right by themselves.
    assert await refused(api, of(JOB, status_pages=[good, good]), 409) == {
        "status_pages.1.slug": "status_pages.0 has this slug too."
    }
    for wrong in (5, "x", {}):
        assert (await refused(api, of(JOB, status_pages=wrong))).keys() == {"status_pages"}
    assert await holding(store) == holds


async def test_a_page_that_would_hold_too_much_is_refused(api: Caller) -> None:
    most = limits.STATUS_PAGE_ENTRIES_MAX
    checks = [JOB | {"slug": f"c{n}"} for n in range(most)]
    slugs = [check["slug"] for check in checks]
    await add(api, entries=[{"heading": "One"}])
    found = await refused(api, of(*checks, status_pages=[PAGE | {"check_slugs": slugs}]), 409)
    assert found.keys() == {"status_pages.0.check_slugs"}
    await load(api, of(*checks, status_pages=[PAGE | {"check_slugs": slugs[:-1]}]))
    (page,) = await pages(api)
    assert (len(page["entries"]), len(page["checks"])) == (most, most - 1)


async def test_an_account_gets_no_more_pages_than_it_may_have(store: Store, settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"status_pages_per_account": 3}))
    async with app.test_app():
        api = Caller(app.test_client(), *await create_user(store, now=now_ms(), master=MASTER_KEY))
        await add(api)
        new = [{"name": "New", "slug": f"new-{n}"} for n in range(3)]
        assert await refused(api, of(status_pages=[*new, PAGE])) == {"status_pages": "At most 3."}
        status, answer = await api.call("POST", "/checks/import", of(status_pages=new))
        assert status == 409
        assert answer["detail"] == "Your account may have 3 status pages; with this file it would have 4."
        assert [page["slug"] for page in await pages(api)] == ["prod"]
        assert (await load(api, of(status_pages=[PAGE, *new[:2]])))["status_pages_imported"] == 3


@pytest.mark.parametrize("step", ["create_status_page", "update_status_page"])
@pytest.mark.parametrize("call", [1, 3])
async def test_a_fault_half_way_takes_everything_back(
    api: Caller, store: Store, monkeypatch: pytest.MonkeyPatch, step: str, call: int
) -> None:
    await furnish(api)
    named = next(c for c in (await api.call("GET", "/checks"))[1]["items"] if c["slug"] == "named")
    for number in range(3):
        await add(
            api, slug=f"old-{number}", entries=[{"heading": "A"}, {"check": named["id"]}, {"tag": "db"}]
        )
    before, shown = lasting(await export(api)), [said(page) for page in await pages(api)]
    file = json.loads(json.dumps(before))
    file["checks"] += [JOB | {"slug": f"new-{n}"} for n in range(3)]
    for page in file["status_pages"]:
        page |= {"name": "Renamed", "notice": {"text": "New"}, "entries": [{"check": "new-1"}, {"tag": "x"}]}
    file["status_pages"] += [PAGE | {"slug": f"new-{n}", "check_slugs": ["new-0"]} for n in range(4)]
    real, calls = getattr(steps, step), 0

    async def breaking(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise StoreUnavailable("away")
        return await real(*arguments, **named)

    monkeypatch.setattr(steps, step, breaking)
    status, _ = await api.call("POST", "/checks/import", file)
    assert status == 503
    assert calls >= call
    assert lasting(await export(api)) == before
    assert [said(page) for page in await pages(api)] == shown
    assert not await store.redis.keys("*:chore")
    # Nothing keeps the next one from succeeding.
    monkeypatch.undo()
    assert (await load(api, file))["status_pages_imported"] == 9
    assert {page["name"] for page in await pages(api)} == {"Renamed", "Prod"}
