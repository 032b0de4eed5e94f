"""Whether a slug is free, asked before it is set."""

from typing import Any

from tests.api.conftest import Caller, problem
from tests.conftest import MASTER_KEY
from ttr.now import now_ms
from ttr.store.redis import Store
from ttr.store.users import create_user

FREE = {"is_taken": False, "valid": True, "message": None}


async def asked(api: Caller, slug: str, own: object = "") -> Any:
    status, answer = await api.call("GET", f"/checks/slug-check?slug={slug}&check_id={own}")
    assert status == 200
    return answer


async def test_a_slug_is_free_taken_or_impossible(api: Caller) -> None:
    assert (await api.call("GET", "/checks/slug-check?slug=my-slug"))[1] == FREE
    await api.make(slug="my-slug")
    taken = await asked(api, "my-slug")
    assert taken == {"is_taken": True, "valid": True, "message": "Another of your checks has this slug."}
    for slug in (
        "",
        "A",
        "a.b",
        "7",
        "%C5%BC",
        "x" * 101,
        "a%0A",
        "%00",
        "123e4567-e89b-42d3-a456-426614174000",
    ):
        answer = await asked(api, slug)
        assert (answer["is_taken"], answer["valid"]) == (False, False)
        assert answer["message"]


async def test_a_checks_own_slug_is_free_for_it_alone(api: Caller) -> None:
    mine, other = await api.make(slug="mine"), await api.make(slug="other")
    for own in (mine["id"], mine["uuid"], "mine"):
        assert await asked(api, "mine", own) == FREE
    for own in (other["id"], other["uuid"], "other", "999999", "nonsense", "%00", "-1"):
        assert (await asked(api, "mine", own))["is_taken"]


async def test_another_accounts_slugs_are_no_concern(api: Caller, store: Store) -> None:
    check = await api.make(slug="mine")
    stranger = Caller(
        api.client,
        *await create_user(store, now=now_ms(), master=MASTER_KEY),
    )
    assert await asked(stranger, "mine") == FREE
    await stranger.make(slug="mine")
    assert (await asked(stranger, "mine", check["id"]))["is_taken"]


async def test_the_slug_is_needed(api: Caller) -> None:
    answer = await api.raw("GET", "/checks/slug-check")
    assert answer.status_code == 400
    assert (await problem(answer)).keys() == {"slug"}
