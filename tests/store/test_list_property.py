"""Lists of checks against an oracle: every page, both ways, in every order and through every filter, while checks
come, go, change and are pinged between two pages.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, TypeVar
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import RedisServer
from tests.lua import parts
from tests.lua.parts import MINUTE, NOON, make_check, make_user
from tests.store.lists import Wanted, read_all, value_of, wanted_page
from ttr.domain.check import Check
from ttr.store import check_list, checks, uuid_claims
from ttr.store.check_list import SORTS, STATUSES, CheckPage, Filter, Place, list_checks
from ttr.store.scripts import Library, Scripts, as_library, assemble

T = TypeVar("T")

# Few of everything, so that values tie and filters meet; one is the beginning of another, one folds to it.
NAMES = ("a", "A", "ab", "a b", "b", "ß", "ss", "é", "e\u0301", "10", "9", "Ω")
TAGS = ("a", "B", "9b")
WORDS = ("a", "b", "B", "9", "s", "É", "job", "1", "zz")
TIMES = (0, 1, MINUTE, 2 * MINUTE, 5 * MINUTE)

filters = st.one_of(
    st.just(Filter()),
    st.builds(
        Filter,
        tags=st.lists(st.sampled_from((*TAGS, "none")), max_size=2).map(tuple),
        any_tag=st.booleans(),
        statuses=st.lists(st.sampled_from(STATUSES), max_size=2).map(tuple),
        words=st.lists(st.sampled_from(WORDS), max_size=2).map(tuple),
    ),
)
orders = st.tuples(st.sampled_from(SORTS), st.booleans())


IMPATIENT = {
    "list_checks": (("WALKED_MOST = 1000", 3), ("BATCH_MOST = 250", 2), ("TEXT_MOST = 250000", 20)),
    "find_checks": (("WORK_MOST = 350000", 1),),
}


class Impatient(Scripts):
    """The scripts, but a call walks by three checks at most, and looks for words in about one line, or one block."""

    def _library(self, name: str) -> Library:
        if name in IMPATIENT and name not in self._libraries:
            source = assemble(name)
            for limit, few in IMPATIENT[name]:
                assert limit in source
                source = source.replace(limit, f"{limit.split()[0]} = {few}")
            self._libraries[name] = as_library(name, source)
        return super()._library(name)


class Uuids:
    """UUIDs that are the same in each run of an example; every third begins with the same digits."""

    given = 0

    def __call__(self) -> UUID:
        self.given += 1
        return UUID(int=(self.given % 3) << 80 | self.given)


class Lists(RuleBasedStateMachine):
    """An account, its checks, and somebody who turns pages."""

    loop: asyncio.AbstractEventLoop
    server: RedisServer
    impatient: bool

    def __init__(self) -> None:
        super().__init__()
        self.stack = AsyncExitStack()
        self.store = self.run(self.stack.enter_async_context(self.server.open(connections=4)))
        if self.impatient:
            self.store = type(self.store)(self.store.redis, Impatient(self.store.redis))
        self.run(self.store.redis.flushall())
        self.user = self.run(make_user(self.store))
        self.stranger = self.run(make_user(self.store))
        self.now = NOON
        self.requests = 0
        self.stack.enter_context(mock.patch.object(uuid_claims, "uuid4", Uuids()))
        self.places: dict[str, list[Place]] = {sort: [] for sort in SORTS}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.stack.aclose())

    @property
    def checks(self) -> list[Check]:
        return self.run(read_all(self.store, self.user))

    @initialize(
        made=st.lists(
            st.tuples(
                st.sampled_from(NAMES),
                st.lists(st.sampled_from(TAGS), unique=True, max_size=3),
                st.sampled_from(("", "success", "success", "fail", "start", "pause", "both")),
            ),
            min_size=3,
            max_size=9,
        )
    )
    def begin(self, made: list[tuple[str, list[str], str]]) -> None:
        for name, tags, then in made:
            self.make(name, len(name) == 1, tags, None, True)
            number = str(self.checks[-1].id)
            if then == "pause":
                self.run(checks.pause_check(self.store, self.user, number, now=self.now))
            elif then:
                self.ping_one(self.checks[-1], "start" if then == "both" else then)
                self.now += len(tags)
            if then == "both":
                self.ping_one(self.checks[-1], "success")

    # What happens between two pages.

    @rule(
        name=st.sampled_from(NAMES),
        slug=st.booleans(),
        tags=st.lists(st.sampled_from(TAGS), unique=True, max_size=2),
        runtime=st.sampled_from((None, 60)),
        mine=st.sampled_from((True, True, True, True, False)),
    )
    def make(self, name: str, slug: bool, tags: list[str], runtime: int | None, mine: bool) -> None:
        self.requests += 1
        self.run(
            make_check(
                self.store,
                self.user if mine else self.stranger,
                now=self.now,
                name=name,
                slug=f"job-{self.requests}" if slug else None,
                tags=tuple(tags),
                max_runtime_seconds=runtime,
            )
        )

    @precondition(lambda self: self.checks)
    @rule(data=st.data(), kind=st.sampled_from(("success", "success", "fail", "start")))
    def ping(self, data: st.DataObject, kind: str) -> None:
        self.ping_one(data.draw(st.sampled_from(self.checks)), kind)

    def ping_one(self, check: Check, kind: str) -> None:
        self.requests += 1
        self.run(
            parts.ping(
                self.store,
                self.user,
                check.id,
                kind,
                now=self.now,
                request=str(self.requests),
                revision=check.revision,
                reason="fail" if kind == "fail" else "",
            )
        )

    @precondition(lambda self: self.checks)
    @rule(data=st.data(), what=st.sampled_from(("rename", "pause", "resume", "delete")))
    def change(self, data: st.DataObject, what: str) -> None:
        reference = str(data.draw(st.sampled_from(self.checks)).id)
        if what == "pause":
            self.run(checks.pause_check(self.store, self.user, reference, now=self.now))
        elif what == "resume":
            self.run(checks.resume_check(self.store, self.user, reference, now=self.now))
        elif what == "delete":
            self.run(checks.delete_check(self.store, self.user, reference))
        else:
            name = data.draw(st.sampled_from(NAMES))
            tags = tuple(data.draw(st.lists(st.sampled_from(TAGS), unique=True, max_size=2)))
            wanted = parts.settings(name=name, tags=tags)
            self.run(checks.update_check(self.store, self.user, reference, lambda _: wanted, now=self.now))

    @rule(passes=st.sampled_from(TIMES))
    def wait(self, passes: int) -> None:
        self.now += passes

    # Pages.

    def look(
        self, order: tuple[str, bool], wanted: Filter, size: int, place: Place | None, backward: bool
    ) -> CheckPage:
        sort, descending = order
        page = self.run(
            list_checks(
                self.store,
                self.user,
                sort=sort,
                descending=descending,
                filter=wanted,
                size=size,
                place=place,
                backward=backward,
                now=self.now,
            )
        )
        all_checks = self.checks
        right = wanted_page(
            all_checks,
            sort=sort,
            descending=descending,
            wanted=wanted,
            size=size,
            place=place,
            backward=backward,
            now=self.now,
        )
        by_number = {check.id: check for check in all_checks}
        assert page.checks == [by_number[number] for number in right.numbers]
        assert page.total == len(all_checks)
        if page.checks:
            assert (page.before, page.after) == (right.before, right.after)
        else:
            assert (page.before is None, page.after is None) == (right.before is None, right.after is None)
        self.places[sort] += [edge for edge in (page.before, page.after) if edge]
        return page

    @rule(
        order=orders,
        wanted=filters,
        size=st.integers(1, 4),
        backward=st.booleans(),
        which=st.integers(0, 1_000),
    )
    def turn(self, order: tuple[str, bool], wanted: Filter, size: int, backward: bool, which: int) -> None:
        """A page from the beginning, the end, an edge of an earlier page or the place of any check."""
        places = [None, *self.places[order[0]][-8:]]
        for check in self.checks:
            value = value_of(check, order[0])
            text = value.decode() if isinstance(value, bytes) else "inf" if value is None else str(value)
            places.append(Place(text, check.id))
        place = places[which % len(places)]
        page = self.look(order, wanted, size, place, backward)
        other_side = page.after if backward else page.before
        if not page.checks and other_side is not None:
            # From an empty page the way back begins with whatever is nearest, the place's own check included.
            back = self.look(order, wanted, size, other_side, not backward)
            end = self.look(order, wanted, size, None, not backward)
            assert [check.id for check in back.checks] == [check.id for check in end.checks]

    @rule(order=orders, wanted=filters, size=st.integers(1, 4), backward=st.booleans())
    def turn_all(self, order: tuple[str, bool], wanted: Filter, size: int, backward: bool) -> None:
        """While nothing changes, the pages have every check once and in order."""
        found: list[int] = []
        place: Place | None = None
        while True:
            page = self.look(order, wanted, size, place, backward)
            shown = [check.id for check in page.checks]
            found = shown + found if backward else found + shown
            place = page.before if backward else page.after
            if place is None:
                break
        full: Wanted = wanted_page(
            self.checks,
            sort=order[0],
            descending=order[1],
            wanted=wanted,
            size=100,
            place=None,
            backward=False,
            now=self.now,
        )
        assert found == full.numbers


@pytest.fixture(params=[False, True], ids=["as it is", "impatient"])
def machine(request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[type[Lists]]:
    """The machine on this session's Redis."""
    loop = asyncio.new_event_loop()
    attributes = {"server": redis_server, "loop": loop, "impatient": request.param}
    few, many = (1, 3) if request.param else (300, 1_000)
    with mock.patch.multiple(check_list, _FEW=few, _MANY=many):
        yield type("OnThisRedis", (Lists,), attributes)
    loop.close()


ALWAYS = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
BOUNDED = settings(ALWAYS, max_examples=60, stateful_step_count=20, derandomize=True, phases=[Phase.generate])
SOAK = settings(ALWAYS, max_examples=2_000, stateful_step_count=80)


# What a script touches lies in one partition, so in one slot, wherever that is: the tests of each script run on a
# cluster too, and so does the long run.
@pytest.mark.single_redis
def test_every_page_is_right(machine: type[Lists]) -> None:
    run_state_machine_as_test(machine, settings=BOUNDED)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_every_page_is_right_for_long(machine: type[Lists]) -> None:
    run_state_machine_as_test(machine, settings=SOAK)
