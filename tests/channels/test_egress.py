"""Which addresses outgoing requests may reach, whatever their spelling and whatever the name server says."""

import asyncio
import ipaddress
import re
import socket
import threading
from collections.abc import AsyncIterator
from functools import partial
from ipaddress import IPv4Address

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given, settings
from hypothesis import strategies as st

from ttr.address import parse_networks
from ttr.channels.delivery import Failed
from ttr.channels.egress import guarded_socket, open_session, refusal
from ttr.channels.exchange import Answer, post

LOOPBACK = parse_networks("127.0.0.0/8")
PRIVATE = "10.0.0.7"


class Names(AbstractResolver):
    """A name server under the test's control: each look-up takes the next answer, the last one stays."""

    def __init__(self, *answers: list[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [
            ResolveResult(hostname=host, host=ip, port=port, family=socket.AF_INET, proto=6, flags=0)
            for ip in answer
        ]

    async def close(self) -> None:
        pass


class Receiver:
    """Answers 204 to every request on 127.0.0.1 and keeps the heads."""

    def __init__(self) -> None:
        self.port = 0
        self.heads: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 204 No Content\r\nSet-Cookie: seen=1; Path=/\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    yield one
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.5",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.9",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:10.0.0.5",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:100.64.0.1",
        "::ffff:224.0.0.1",
        "::ffff:0:8.8.8.8",
        "64:ff9b::10.0.0.5",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:20::1",
        "2001:db8::1",
        "2002:a00:5::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "localhost",
        "",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refusal(address, ()) is not None


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.169.0.1",
        "223.255.255.254",
        "::ffff:8.8.8.8",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
    ],
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert refusal(address, ()) is None


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("127.0.0.1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("10.0.0.5", "private"),
        ("fd00::1", "private"),
        ("169.254.169.254", "link-local"),
        ("224.0.0.1", "multicast"),
        ("64:ff9b::a00:5", "reserved"),
        ("127.1", "malformed"),
    ],
)
def test_a_refusal_says_what_kind_of_address_it_is(address: str, word: str) -> None:
    assert refusal(address, ()) == word


@settings(deadline=None, max_examples=300)
@given(
    st.integers(0, 2**32 - 1).map(IPv4Address)
    | st.sampled_from(
        ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16"]
    ).flatmap(lambda net: st.ip_addresses(network=net))
)
def test_the_ipv6_form_of_an_ipv4_address_is_judged_alike(ip: IPv4Address) -> None:
    word = refusal(str(ip), ())
    assert refusal(f"::ffff:{ip}", ()) == word
    assert word is not None or (ip.is_global and not ip.is_multicast)


def test_an_allowed_network_permits_its_own_addresses_and_nothing_else() -> None:
    allow = parse_networks("10.0.0.0/24, fd00:1::/64,192.168.7.7")
    assert [refusal(a, allow) for a in ("10.0.0.5", "::ffff:10.0.0.5", "fd00:1::9", "192.168.7.7")] == [
        None
    ] * 4
    for other in ("10.0.1.5", "127.0.0.1", "169.254.169.254", "fd00:2::1", "192.168.7.8", "64:ff9b::a00:5"):
        assert refusal(other, allow) is not None
    assert refusal("8.8.8.8", allow) is None


def test_allowing_all_of_ipv6_does_not_allow_ipv4_in_its_form() -> None:
    assert refusal("::ffff:10.0.0.5", parse_networks("::/0")) == "private"


def test_allowed_networks_may_be_empty_and_untidy() -> None:
    assert parse_networks("") == ()
    assert parse_networks(" 10.0.0.0/8 ,, ::1") == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("10.0.0.0/8,intranet", "'intranet' is not a network like 10.0.0.0/8"),
        ("10.0.0.1/8", "'10.0.0.1/8' has bits set beyond its prefix: write 10.0.0.0/8"),
        ("10.0.0.0/33", "'10.0.0.0/33' is not a network like 10.0.0.0/8"),
        ("::ffff:10.0.0.0/104", "'::ffff:10.0.0.0/104' is an IPv4 network in IPv6 form: write the IPv4 one"),
    ],
)
def test_a_bad_allowed_network_is_named(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        parse_networks(text)


async def test_a_receiver_on_this_machine_is_refused_by_default(receiver: Receiver) -> None:
    async with open_session(()) as session:
        outcome = await post(session, f"http://127.0.0.1:{receiver.port}/", b"", {})
    assert outcome == Failed(
        "refused_address", "Address 127.0.0.1 is loopback; the operator can allow it with EGRESS_ALLOW", True
    )
    assert receiver.heads == []


async def test_a_receiver_on_this_machine_is_reached_when_its_network_is_allowed(receiver: Receiver) -> None:
    async with open_session(LOOPBACK) as session:
        answer = await post(session, f"http://127.0.0.1:{receiver.port}/", b"", {})
    assert isinstance(answer, Answer)
    assert answer.status == 204
    assert len(receiver.heads) == 1


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::1]",
        "0.0.0.0",
        "0",
        "\u2460\u2461\u2466.0.0.1",
        "127\u30020\u30020\u30021",
    ],
)
async def test_no_spelling_of_loopback_slips_through(receiver: Receiver, host: str) -> None:
    async with open_session(()) as session:
        outcome = await post(session, f"http://{host}:{receiver.port}/", b"", {})
    assert isinstance(outcome, Failed)
    assert outcome.reason in ("refused_address", "bad_settings")
    assert outcome.permanent
    assert receiver.heads == []


async def test_a_name_is_refused_if_one_of_its_addresses_is(receiver: Receiver) -> None:
    names = Names(["127.0.0.1", PRIVATE])
    async with open_session(LOOPBACK, resolver=names) as session:
        outcome = await post(session, f"http://mixed.example:{receiver.port}/", b"", {})
    assert outcome == Failed(
        "refused_address",
        "The name leads to a private address; the operator can allow it with EGRESS_ALLOW",
        True,
    )
    assert names.asked == 1
    assert receiver.heads == []


async def test_the_refusal_of_a_name_does_not_tell_the_inner_address() -> None:
    async with open_session((), resolver=Names([PRIVATE])) as session:
        outcome = await post(session, "http://db.corp.example/", b"", {})
    assert isinstance(outcome, Failed)
    assert PRIVATE not in outcome.detail


async def test_a_name_that_changes_its_mind_is_refused_at_its_next_look_up(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"], [PRIVATE])
    url = f"http://rebind.example:{receiver.port}/"
    async with open_session(LOOPBACK, resolver=names) as session:
        assert isinstance(await post(session, url, b"", {}), Answer)
        assert isinstance(session.connector, aiohttp.TCPConnector)
        session.connector.clear_dns_cache()
        outcome = await post(session, url, b"", {})
    assert isinstance(outcome, Failed)
    assert outcome.reason == "refused_address"
    assert names.asked == 2


async def test_the_address_is_checked_again_at_connect_when_the_resolver_is_not_to_be_trusted(
    receiver: Receiver,
) -> None:
    names = Names(["127.0.0.1"], [PRIVATE], [PRIVATE, "10.0.0.8"])
    connector = aiohttp.TCPConnector(
        resolver=names, use_dns_cache=False, socket_factory=partial(guarded_socket, allow=LOOPBACK)
    )
    url = f"http://rebind.example:{receiver.port}/"
    async with aiohttp.ClientSession(connector=connector) as session:
        assert isinstance(await post(session, url, b"", {}), Answer)
        for _ in range(2):
            outcome = await post(session, url, b"", {})
            assert isinstance(outcome, Failed)
            assert (outcome.reason, outcome.permanent) == ("refused_address", True)
    assert names.asked == 3
    assert len(receiver.heads) == 1


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name not found"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "Name lookup failed"),
        ([], "Name not found"),
    ],
)
async def test_a_name_without_an_address_may_get_one_later(answer: list[str] | OSError, detail: str) -> None:
    async with open_session((), resolver=Names(answer)) as session:
        outcome = await post(session, "http://gone.example/", b"", {})
    assert outcome == Failed("dns_failed", detail, permanent=False)


async def test_a_label_that_no_resolver_takes_is_an_unknown_name() -> None:
    async with open_session(()) as session:
        outcome = await post(session, f"http://{'a' * 64}.example/", b"", {})
    assert outcome == Failed("dns_failed", "Name not found", permanent=False)


async def test_nothing_is_taken_from_the_environment_and_nothing_is_remembered(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("default login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    netrc.chmod(0o600)
    # A name, too: cookies of bare addresses are dropped by any jar.
    async with open_session(LOOPBACK, resolver=Names(["127.0.0.1"])) as session:
        for host in ("127.0.0.1", "127.0.0.1", "hooks.example", "hooks.example"):
            answer = await post(session, f"http://{host}:{receiver.port}/", b"", {})
            assert isinstance(answer, Answer)
    assert len(receiver.heads) == 4
    for head in receiver.heads:
        assert head.startswith("POST / HTTP/1.1\r\n")
        assert "\r\nCookie:" not in head
        assert "\r\nAuthorization:" not in head


async def test_a_closed_session_leaves_no_look_up_threads() -> None:
    before = {thread.ident for thread in threading.enumerate()}
    async with open_session(()) as session:
        await post(session, "http://0x7f.1/", b"", {})
    async with asyncio.timeout(5):
        while any(t.name.startswith("lookup") for t in threading.enumerate() if t.ident not in before):
            await asyncio.sleep(0.01)
