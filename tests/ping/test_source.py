"""Where a ping came from: addresses, countries, proxies, user agents."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.conftest import RedisServer
from tests.ping.conftest import Door, Owner, door_settings
from ttr.settings import Settings

Start = Callable[[Settings], AbstractAsyncContextManager[Door]]


@pytest.fixture(scope="module")
async def shared_proxied_door(start_door: Start, redis_server: RedisServer) -> AsyncIterator[Door]:
    """A door that trusts this machine and 10.0.0.0/8."""
    async with start_door(
        door_settings(redis_server, TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.0/8, fd00::/8")
    ) as door:
        await door.ask("GET", "/health")
        yield door


async def seen_from(door: Door, owner: Owner, *headers: str) -> str:
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/job", *headers)).status == 200
    return (await owner.last(check)).address


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "garbage", "", "127.0.0.1, 203.0.113.9", "2001:db8::1"])
async def test_without_trusted_proxies_the_socket_is_believed(
    door: Door, owner: Owner, forwarded: str
) -> None:
    headers = [f"X-Forwarded-For: {forwarded}", "X-Real-IP: 203.0.113.9", "Forwarded: for=203.0.113.9"]
    assert await seen_from(door, owner, *headers) == "127.0.0.1"


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ([], "127.0.0.1"),
        (["203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["2001:DB8:0::1"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["[2001:db8::1]:4711"], "2001:db8::1"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["fe80::1%eth0"], "fe80::1"),
        # Read from the end, as far as trusted hands wrote it.
        (["198.51.100.7, 203.0.113.9"], "203.0.113.9"),
        (["198.51.100.7, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        (["198.51.100.7,10.9.9.9 ,fd00::2, 10.1.2.3"], "198.51.100.7"),
        (["10.1.2.3"], "10.1.2.3"),
        # Several lines are one list.
        (["198.51.100.7", "203.0.113.9"], "203.0.113.9"),
        (["198.51.100.7, 203.0.113.9", "10.1.2.3"], "203.0.113.9"),
        # Garbage ends the search where it stands.
        (["garbage"], "127.0.0.1"),
        (["203.0.113.9, unknown"], "127.0.0.1"),
        (["203.0.113.9, <script>, 10.1.2.3"], "10.1.2.3"),
        (["999.1.1.1"], "127.0.0.1"),
        (["203.0.113.9, , ,"], "203.0.113.9"),
        ([""], "127.0.0.1"),
        (["203.0.113.\xff"], "127.0.0.1"),
        (["1" * 4_000], "127.0.0.1"),
    ],
)
async def test_a_trusted_proxys_word_is_taken_from_the_end_of_its_list(
    shared_proxied_door: Door, owner: Owner, lines: list[str], address: str
) -> None:
    assert (
        await seen_from(shared_proxied_door, owner, *(f"X-Forwarded-For: {line}" for line in lines))
        == address
    )


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200),
        ("y" * 10_000, "y" * 200),
        ("caf\xe9 \xff\xfe", "caf\ufffd \ufffd\ufffd"),
        ("<script>alert(1)</script> | ; '", "<script>alert(1)</script> | ; '"),
        ("tab\there", "tab\there"),
    ],
)
async def test_a_user_agent_is_kept_whatever_it_holds(door: Door, owner: Owner, sent: str, kept: str) -> None:
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/job", f"User-Agent: {sent}")).status == 200
    assert (await owner.last(check)).user_agent == kept


async def test_a_user_agent_of_many_bytes_a_letter_is_cut(door: Door, owner: Owner) -> None:
    check = await owner.check()
    agent = ("x" + "\u017c" * 150).encode().decode("latin-1")
    assert (await door.ask("GET", f"/p/{owner.slug}/job", f"User-Agent: {agent}")).status == 200
    kept = (await owner.last(check)).user_agent
    assert kept.startswith("x" + "\u017c" * 99)
    assert len(kept) <= 101


async def test_a_ping_without_a_user_agent_is_a_ping(door: Door, owner: Owner) -> None:
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/job")).status == 200
    assert (await owner.last(check)).user_agent == ""


async def country_of(door: Door, owner: Owner, *headers: str) -> str:
    check = await owner.check()
    assert (await door.ask("GET", f"/p/{owner.slug}/job", *headers)).status == 200
    return (await owner.last(check)).country


@pytest.mark.parametrize(
    "name", ["CF-IPCountry", "cf_ipcountry", "X-GeoIP-Country-Code", "X_GeoIP_Country_Code"]
)
async def test_a_country_is_believed_of_a_trusted_proxy_alone(
    door: Door, shared_proxied_door: Door, owner: Owner, name: str
) -> None:
    check = await owner.check()
    for asked, country in ((door, ""), (shared_proxied_door, "DE")):
        headers = (f"{name}: de", "X-Forwarded-For: 203.0.113.9", "User-Agent: curl/8")
        assert (await asked.ask("GET", f"/p/{owner.slug}/job", *headers)).status == 200
        entry = await owner.last(check)
        assert (entry.country, entry.user_agent) == (country, "curl/8")


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["CF-IPCountry: "],
        ["CF-IPCountry: XX"],
        ["CF-IPCountry: T1"],
        ["CF-IPCountry: Germany"],
        ["CF-IPCountry: \xff\xfe"],
        ["CF-IPCountry: " + "D" * 4_000],
        ["CF-IPCountry: FR", "CF-IPCountry: DE"],
        ["CF-IPCountry: FR", "X-GeoIP-Country-Code: DE"],
    ],
)
async def test_what_is_no_country_is_no_reason_to_refuse_a_ping(
    shared_proxied_door: Door, owner: Owner, lines: list[str]
) -> None:
    assert await country_of(shared_proxied_door, owner, *lines) == ""


async def test_everything_about_a_ping_is_recorded(door: Door, owner: Owner) -> None:
    check = await owner.check()
    rid = "0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4"
    await door.ask("GET", f"/p/{owner.slug}/job/start?rid={rid}")
    await door.ask("POST", f"/p/{owner.slug}/job/3?rid={rid}", "User-Agent: runner/1", body=b"x" * 1_234)
    end, start = await owner.pings(check)
    assert (end.number, end.kind, end.reason, end.detail, end.exit_status) == (
        2,
        "fail",
        "exit_status",
        "3",
        3,
    )
    assert (end.rid, end.method, end.address, end.user_agent, end.size) == (
        rid,
        "POST",
        "127.0.0.1",
        "runner/1",
        1_234,
    )
    assert end.duration_ms == end.at - start.at
    assert (await owner.see(check)).last_duration_ms == end.duration_ms


async def test_a_webhook_of_ours_is_no_ping(door: Door, owner: Owner) -> None:
    check = await owner.check()
    answer = await door.ask("POST", f"/p/{owner.slug}/job/fail", "User-Agent: ttr/0.1.0", body=b"{}")
    assert (answer.status, answer.text) == (200, "OK (ignored: a webhook of ttr is no ping)")
    assert ((await owner.see(check)).status, (await owner.last(check)).kind) == ("new", "ignored")


async def test_a_websocket_is_turned_away_without_a_word_in_the_log(
    door: Door, owner: Owner, capfd: pytest.CaptureFixture[str]
) -> None:
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key)
    answer = await door.ask("GET", "/x%0aCRITICAL%20forged", *upgrade)
    assert answer.status == 403
    assert "forged" not in "".join(capfd.readouterr())
