"""list_checks.lua and find_checks.lua: how much one call does, and that none leaves a trace."""

import json
from typing import Any

import pytest

from tests.everywhere import everywhere
from tests.lua.indexes import BLOCK
from tests.lua.parts import NOON, dump, make_check, make_user
from ttr.domain.folding import fold
from ttr.store import keys
from ttr.store.check_list import Filter, Place, list_checks
from ttr.store.redis import Store
from ttr.store.scripts import Scripts
from ttr.store.users import User

STEP = 2**43


class Counted(Scripts):
    """The scripts, and the name of each that ran."""

    def __init__(self, redis: Any) -> None:
        super().__init__(redis)
        self.ran: list[str] = []

    async def run(self, name: str, partition: int, args: Any) -> Any:
        self.ran.append(name)
        return await super().run(name, partition, args)


@pytest.fixture
def counted(store: Store) -> Store:
    """The store, with scripts that are counted."""
    return Store(store.redis, Counted(store.redis))


def ran(store: Store) -> list[str]:
    """The scripts that ran since the last call."""
    assert isinstance(store.scripts, Counted)
    names, store.scripts.ran = store.scripts.ran, []
    return names


async def fill(store: Store, user: User, count: int, *, every: int = 1) -> None:
    """Index entries of checks that need no hashes, for nothing shows them: new ones, numbered `every` apart."""
    at = (user.partition, user.id)
    numbers = [number * every for number in range(1, count + 1)]
    lines: dict[int, str] = {}
    for number in numbers:
        lines[number // BLOCK] = lines.get(number // BLOCK, "") + f"{number}\tjob {number}\tslug\ttag\n"
    async with store.redis.pipeline(transaction=False) as pipe:
        pipe.zadd(keys.user_checks(*at), {str(number): number for number in numbers})
        pipe.zadd(keys.by_name(*at), {f"job {number}\0{number:010d}": 0 for number in numbers})
        pipe.zadd(keys.by_status(*at), {f"{number:010d}": 2 * STEP - 1 - number for number in numbers})
        pipe.hset(keys.search(*at), mapping=lines)
        await pipe.execute()


async def test_an_account_without_checks_has_an_empty_page(store: Store, user: User) -> None:
    await make_check(store, await make_user(store))
    before = await dump(store)
    page = await list_checks(store, user, size=10, now=NOON)
    assert (page.version, page.total, page.checks, page.before, page.after) == (0, 0, [], None, None)
    assert await dump(store) == before


async def test_lists_leave_no_trace(store: Store, user: User) -> None:
    for number in range(5):
        await make_check(store, user, name=f"job {number}", tags=("db",))
    before = await dump(store)
    for wanted in (Filter(), Filter(tags=("db",)), Filter(statuses=("late", "new")), Filter(words=("job",))):
        page = await list_checks(store, user, sort="name", filter=wanted, size=2, now=NOON)
        assert [check.name for check in page.checks] == ["job 4", "job 3"]
    assert await dump(store) == before


async def test_a_page_is_one_call_and_a_search_two(counted: Store, user: User) -> None:
    for number in range(60):
        await make_check(counted, user, name=f"job {number}", tags=("db",))
    ran(counted)
    middle = (await list_checks(counted, user, size=20, now=NOON)).after
    for wanted in (Filter(), Filter(tags=("db",), statuses=("new",))):
        for backward in (False, True):
            ran(counted)
            await list_checks(
                counted, user, filter=wanted, size=20, place=middle, backward=backward, now=NOON
            )
            assert ran(counted) == ["list_checks"]
    await list_checks(counted, user, filter=Filter(words=("job",)), size=20, place=middle, now=NOON)
    assert ran(counted) == ["find_checks", "list_checks"]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("sort", ["id", "name", "status"])
async def test_one_call_walks_by_a_thousand_checks_at_most(
    counted: Store, user: User, sort: str, backward: bool
) -> None:
    await fill(counted, user, 3_500)
    # Two wide parts of a filter that few pass together: nothing narrow to begin with.
    await counted.redis.hset(keys.user_tags(user.partition, user.id), "wide", 1)
    await counted.redis.sadd(keys.tag_checks(user.partition, user.id, 1), *range(10_001, 11_501))
    nobody = Filter(statuses=("new",), tags=("wide",))
    page = await list_checks(counted, user, sort=sort, filter=nobody, size=10, backward=backward, now=NOON)
    assert (page.checks, page.before, page.after, page.total) == ([], None, None, 3_500)
    assert ran(counted) == ["list_checks"] * 4

    # From the middle, both ways have to be looked through.
    place = Place("job 500" if sort == "name" else "1700", 500)
    page = await list_checks(
        counted, user, sort=sort, filter=nobody, size=10, place=place, backward=backward, now=NOON
    )
    assert (page.checks, page.before, page.after) == ([], None, None)
    assert 4 <= len(ran(counted)) <= 5


async def test_a_walk_that_does_not_fill_a_page_in_one_call_gathers_more(counted: Store, user: User) -> None:
    await fill(counted, user, 3_500)
    await counted.redis.hset(keys.user_tags(user.partition, user.id), "wide", 1)
    await counted.redis.sadd(keys.tag_checks(user.partition, user.id, 1), *range(10_001, 10_901))
    page = await list_checks(counted, user, filter=Filter(tags=("wide",)), size=10, now=NOON)
    assert (page.checks, page.before, page.after) == ([], None, None)
    assert ran(counted) == ["list_checks"] * 2


async def test_a_search_goes_through_all_lines_in_bounded_calls(store: Store, user: User) -> None:
    await fill(store, user, 4_000, every=BLOCK)  # each alone in its block
    found, cursor, calls = set(), b"0", 0
    while calls == 0 or cursor != b"0":
        cursor, *numbers = await store.scripts.run(
            "find_checks", user.partition, [user.id, json.dumps(["job 6", "tag"]), cursor, 10_000]
        )
        found |= {int(number) for number in numbers}
        calls += 1
        assert calls < 100
    assert found == {
        number for number in range(BLOCK, 4_000 * BLOCK + 1, BLOCK) if str(number).startswith("6")
    }
    assert calls > 1


async def test_a_search_stops_at_the_most_that_are_wanted(store: Store, user: User) -> None:
    await fill(store, user, 2_000)
    for most, found in ((100, [b"many"]), (2_000, [b"many"])):
        answer = await store.scripts.run("find_checks", user.partition, [user.id, '["job"]', "0", most])
        assert answer == found
    # A ninth of them: plain after a part of the blocks.
    answer = await store.scripts.run("find_checks", user.partition, [user.id, '["job 7"]', "0", 90])
    assert answer == [b"many"]
    # Of one block: no sample to judge by, and few.
    answer = await store.scripts.run("find_checks", user.partition, [user.id, '["job 195"]', "0", 90])
    assert (answer[0], len(answer)) == (b"0", 1 + 11)


async def test_words_are_looked_for_in_name_slug_and_tags_and_nowhere_else(store: Store, user: User) -> None:
    numbers = [
        (await make_check(store, user, name=name, slug=slug, tags=tags, description="zebra")).id
        for name, slug, tags in (
            ("Straße", None, ()),
            ("plain", "strasse-2", ()),
            ("plain", None, ("A STRASSE", "b")),
            ("plain", None, ("ab",)),
        )
    ]

    async def found(*words: str) -> list[int]:
        page = await list_checks(store, user, descending=False, filter=Filter(words=words), size=10, now=NOON)
        return [check.id for check in page.checks]

    assert await found("STRAẞE") == numbers[:3]
    assert await found("strasse", "plain") == numbers[1:3]
    assert await found("a s", "b") == numbers[2:3]
    assert await found("b,a") == await found("zebra") == await found("%a+") == []
    # A word that is only in the number of a check is in none.
    assert str(numbers[3]) not in fold("plain ab")
    assert await found(str(numbers[3])) == [number for number in numbers[1:2] if numbers[3] == 2]


async def fill_long(store: Store, user: User, count: int) -> dict[int, int]:
    """Checks with long names and tags, sorted by name far from those of their block. Returns the bytes of each line."""
    at = (user.partition, user.id)
    lines = {number: f"{number}\tjob {number}\tslug\t{'tag ' * 800}\n" for number in range(1, count + 1)}
    blocks: dict[int, str] = {}
    for number, line in lines.items():
        blocks[number // BLOCK] = blocks.get(number // BLOCK, "") + line
    async with store.redis.pipeline(transaction=False) as pipe:
        pipe.zadd(keys.user_checks(*at), {str(number): number for number in lines})
        pipe.zadd(keys.by_name(*at), {f"{number % BLOCK:03d}\0{number:010d}": 0 for number in lines})
        pipe.hset(keys.search(*at), mapping=blocks)
        await pipe.execute()
    return {number: len(line) for number, line in lines.items()}


@pytest.mark.parametrize(("words", "most"), [(["tag"], 350_000), (["tag", "job", "g t", " tag"], 350_000)])
async def test_a_call_of_a_search_looks_at_so_much_text_and_goes_on_within_a_step(
    store: Store, user: User, words: list[str], most: int
) -> None:
    sizes = await fill_long(store, user, 1_000)
    found: list[int] = []
    cursor, within = b"0", 0
    while not found or cursor != b"0":
        cursor, *numbers = await store.scripts.run(
            "find_checks", user.partition, [user.id, json.dumps(words), cursor, 10_000]
        )
        assert 0 < sum(sizes[int(number)] * len(words) for number in numbers) <= most
        within += b" " in cursor
        found += map(int, numbers)
    assert set(found) == sizes.keys()  # a table that Redis moves meanwhile brings some twice
    assert within > 0


async def called(store: Store, command: str) -> int:
    """How often Redis has been asked for this."""
    stats = await everywhere(store, lambda primary: primary.info("commandstats"))
    return sum(int(one.get(f"cmdstat_{command}", {"calls": 0})["calls"]) for one in stats)


@pytest.mark.parametrize("step", [1, -1])
async def test_a_call_of_a_walk_looks_at_so_much_text(store: Store, user: User, step: int) -> None:
    sizes = await fill_long(store, user, 400)
    wanted = [number for number in sizes if str(number).endswith("7")]
    wanted.sort(key=lambda number: (number % BLOCK, number), reverse=step < 0)
    block = min(sizes.values()) * BLOCK
    met: list[bytes] = []
    place: list[bytes | str] = ["", ""]
    calls = 0
    # The word is in "job 7\tslug" alone; nothing was gathered, so that the whole index is walked.
    while True:
        before = await called(store, "hget")
        answer = await store.scripts.run(
            "list_checks",
            user.partition,
            [
                user.id,
                "name",
                "0",
                step,
                500,
                *place,
                "0",
                "",
                "",
                "[]",
                "0",
                "[]",
                NOON,
                '["7\\tslug"]',
                "",
                300,
            ],
        )
        blocks = await called(store, "hget") - before - 1  # the account's version
        assert blocks * block / 8 <= 250_000 + block
        calls += 1
        met += answer[4::2]
        if answer[2] == b"":
            break
        assert answer[2] != place, "it got nowhere"
        place = answer[2]
    assert met == [b"%03d" % (number % BLOCK) for number in wanted]
    assert calls > 10


async def test_tags_that_none_has_together_are_intersected_once(store: Store, user: User) -> None:
    await fill(store, user, 50)
    for tag, name in enumerate(("even", "odd"), 1):
        await store.redis.hset(keys.user_tags(user.partition, user.id), name, tag)
        await store.redis.sadd(keys.tag_checks(user.partition, user.id, tag), *range(3 - tag, 51, 2))
    before = await called(store, "sinter"), await called(store, "sintercard")
    page = await list_checks(store, user, filter=Filter(tags=("even", "odd")), size=10, now=NOON)
    assert page.checks == []
    assert (await called(store, "sinter"), await called(store, "sintercard")) == (before[0], before[1] + 1)


@pytest.mark.parametrize("any_tag", [False, True])
async def test_a_tag_is_only_asked_about_what_the_tags_before_it_leave_open(
    counted: Store, user: User, any_tag: bool
) -> None:
    await fill(counted, user, 2_000)
    for tag, name in enumerate("abcde", 1):
        await counted.redis.hset(keys.user_tags(user.partition, user.id), name, tag)
        # All of the tags are wide. The first says yes, or no, to each check that is there.
        there = range(1, 2_001) if any_tag else range(10_001, 12_001)
        await counted.redis.sadd(keys.tag_checks(user.partition, user.id, tag), *there)
    before = await called(counted, "smismember"), await called(counted, "zrange")
    # A page of none, as one that looks the other way: what is found has no hash to be shown.
    await counted.scripts.run(
        "list_checks",
        user.partition,
        [
            *(user.id, "checks", "0", "1", 0, "", "", 10, "", ""),
            *('["a", "b", "c", "d", "e"]', int(any_tag), "[]", NOON, "[]", "", 300),
        ],
    )
    asked = await called(counted, "smismember") - before[0]
    assert 0 < asked <= await called(counted, "zrange") - before[1]
