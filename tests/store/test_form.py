"""In which form the data is: who says so first, and whom it keeps out."""

import asyncio

import pytest

from tests.lua.parts import make_user
from ttr.store import form, keys
from ttr.store.errors import StoreUnfit
from ttr.store.form import FORM, OPEN_TO, UNMARKED, Form, read_form, refusal, set_form
from ttr.store.redis import Store, verify_data


async def mark(store: Store, number: object, open_to: object) -> None:
    """Write marks by hand; None takes one away."""
    for name, value in (("form", number), ("open_to", open_to)):
        if value is None:
            await store.redis.hdel(keys.meta(), name)
        else:
            await store.redis.hset(keys.meta(), name, str(value))


async def test_an_empty_redis_gets_the_form_of_whoever_is_first(store: Store) -> None:
    await store.redis.flushall()
    assert await read_form(store.redis) is None
    assert await store.redis.exists(keys.meta()) == 0, "reading writes nothing"
    await asyncio.gather(*(verify_data(store) for _ in range(8)))
    assert await read_form(store.redis) == Form(FORM, OPEN_TO)


async def test_of_two_versions_that_are_first_at_once_one_wins(store: Store) -> None:
    await store.redis.flushall()
    said = await asyncio.gather(*(set_form(store.scripts, None, Form(number, 1)) for number in (4, 5, 6)))
    assert sorted(said) == [False, False, True]
    assert await read_form(store.redis) == Form((4, 5, 6)[said.index(True)], 1)


@pytest.mark.parametrize("trace", ["partitions", "account"])
async def test_data_without_marks_is_of_the_oldest_form(store: Store, trace: str) -> None:
    await store.redis.flushall()
    if trace == "partitions":
        await store.redis.hset(keys.meta(), "partitions", keys.PARTITIONS)
    else:
        await make_user(store)
    assert await read_form(store.redis) == Form(UNMARKED, UNMARKED)


async def test_what_another_process_begins_meanwhile_is_not_taken_for_old_data(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.redis.flushall()
    really = form._has_data
    seen: list[bool] = []

    async def interrupted(redis: object) -> bool:
        if not seen:
            seen.append(True)
            await verify_data(store)
        return await really(redis)

    monkeypatch.setattr(form, "_has_data", interrupted)
    assert await read_form(store.redis) == Form(FORM, OPEN_TO)


@pytest.mark.parametrize(
    ("number", "open_to"),
    [("x", "1"), ("2", None), (None, "1"), ("", "1"), ("0", "0"), ("-1", "1"), ("1.5", "1")],
)
async def test_marks_that_nobody_writes_are_refused_and_left_alone(
    store: Store, number: str | None, open_to: str | None
) -> None:
    await mark(store, number, open_to)
    before = await store.redis.hgetall(keys.meta())
    with pytest.raises(StoreUnfit, match=r"Nobody can tell in which form .* ttr:meta has form "):
        await verify_data(store)
    assert await store.redis.hgetall(keys.meta()) == before


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Form(FORM, OPEN_TO), ""),
        (Form(FORM + 1, FORM), ""),
        (Form(FORM + 3, FORM - 1), ""),
        (
            Form(FORM + 1, FORM + 1),
            f"in form {FORM + 1}, for versions of ttr that know form {FORM + 1} or a newer one",
        ),
        # A migration is under way that keeps this version out.
        (Form(FORM, FORM + 1), "Run the newer ttr everywhere"),
        (Form(FORM - 1, 1), f"this version of ttr needs form {FORM}. Run `ttr migrate`"),
    ],
)
def test_who_is_kept_out(found: Form, words: str) -> None:
    assert (words in refusal(found)) if words else refusal(found) == ""


async def test_newer_data_is_refused_and_left_alone(store: Store) -> None:
    await mark(store, FORM + 1, FORM + 1)
    with pytest.raises(StoreUnfit, match="Run the newer ttr everywhere"):
        await verify_data(store)
    assert await read_form(store.redis) == Form(FORM + 1, FORM + 1)


async def test_newer_data_that_is_open_to_this_version_is_taken(store: Store) -> None:
    await mark(store, FORM + 1, FORM)
    await verify_data(store)
    assert await read_form(store.redis) == Form(FORM + 1, FORM)


async def test_a_form_is_changed_only_by_who_knows_the_one_that_is_there(store: Store) -> None:
    assert not await set_form(store.scripts, Form(FORM + 5, 1), Form(FORM + 6, 1))
    assert not await set_form(store.scripts, None, Form(FORM + 6, 1))
    assert await set_form(store.scripts, Form(FORM, OPEN_TO), Form(FORM + 6, 1))
    assert await read_form(store.redis) == Form(FORM + 6, 1)
