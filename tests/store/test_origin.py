"""The id of what set an alert off, in the outbox and in an event; what versions before this queued has none."""

import json

from ttr.domain.alert import Event, from_json, to_json
from ttr.noted import begin, origin, set_origin
from ttr.notify import origin_of
from ttr.store import keys
from ttr.store.outbox import read_outbox
from ttr.store.redis import Store

FIELDS = {
    "id": "7-1-5",
    "kind": "down",
    "at": "5",
    "user_id": "1",
    "check_id": "7",
    "check_name": "n",
    "tags": "",
    "check_slug": "",
    "description": "",
    "reason": "fail",
    "reason_detail": "",
    "overdue_ms": "",
    "down_since": "",
    "last_ping": "",
    "failure_count": "1",
    "channels": "[1]",
}


async def test_an_entry_has_its_origin_or_none(store: Store) -> None:
    for fields in (FIELDS, FIELDS | {"origin": "5f0d8a3c9b1e2f47"}):
        await store.redis.xadd(keys.outbox(0), fields)  # type: ignore[arg-type]
    old, new = await read_outbox(store, 0, 10)
    assert (old.event.origin, new.event.origin) == ("", "5f0d8a3c9b1e2f47")


def test_an_event_of_a_version_before_has_none() -> None:
    event = Event("7-1-5", "down", 5, 7, "n", origin="5f0d8a3c9b1e2f47")
    assert from_json(to_json(event)) == event
    before = json.loads(to_json(event))
    del before["origin"]
    assert from_json(json.dumps(before)).origin == ""


def test_a_message_has_the_origins_of_its_events_each_once_and_ten_at_most() -> None:
    def event(number: int, origin: str) -> Event:
        return Event(f"7-{number}-5", "down", 5, 7, "n", origin=origin)

    assert (
        origin_of([event(1, "a" * 8), event(2, ""), event(3, "b" * 8), event(4, "a" * 8)])
        == "aaaaaaaa,bbbbbbbb"
    )
    for count, shown in ((9, 9), (10, 10), (11, 10)):
        assert len(origin_of([event(n, f"id-{n:06}") for n in range(count)]).split(",")) == shown


async def test_a_request_under_way_comes_before_what_was_set() -> None:
    assert origin() == ""
    set_origin("a look")
    assert origin() == "a look"
    begin("a request")
    assert origin() == "a request"
