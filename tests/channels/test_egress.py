"""Which addresses outgoing requests may reach, whatever their spelling and whatever the name server says."""

import asyncio
import ipaddress
import re
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address
from typing import Any, cast

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given, settings
from hypothesis import strategies as st

from ttr.address import parse_networks
from ttr.channels.delivery import Failed
from ttr.channels.egress import guarded_socket, open_session, refusal
from ttr.channels.exchange import Answer, post
from ttr.channels.hook_url import read_url

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


# Every one of these means this machine, or something else inside, to somebody who reads URLs loosely. The port
# is that of a receiver on 127.0.0.1, so a hole shows as a request that arrives. Names are answered by `Inner`.
HOSTILE = {
    "loopback": "http://127.0.0.1:{port}/",
    "the rest of its network": "http://127.8.8.8:{port}/",
    "its last address": "http://127.255.255.254:{port}/",
    "its network's own address": "http://127.0.0.0:{port}/",
    "this host": "http://0.0.0.0:{port}/",
    "this network": "http://0.1.2.3:{port}/",
    "zero": "http://0:{port}/",
    "three parts": "http://127.0.1:{port}/",
    "two parts": "http://127.1:{port}/",
    "one decimal": "http://2130706433:{port}/",
    "one decimal that wraps around": "http://6425673729:{port}/",
    "one hex": "http://0x7f000001:{port}/",
    "capital hex": "http://0X7F000001:{port}/",
    "hex parts": "http://0x7f.0x0.0x0.0x1:{port}/",
    "one octal": "http://017700000001:{port}/",
    "octal parts": "http://0177.0.0.01:{port}/",
    "leading zeros": "http://127.000.000.001:{port}/",
    "octal, hex and decimal": "http://0177.0x0.0.1:{port}/",
    "a negative number": "http://-2130706433:{port}/",
    "a number too large": "http://127.0.0.257:{port}/",
    "five parts": "http://127.0.0.0.1:{port}/",
    "a dot at the end": "http://127.0.0.1.:{port}/",
    "two dots at the end": "http://127.0.0.1..:{port}/",
    "a dot in front": "http://.127.0.0.1:{port}/",
    "percent signs": "http://%31%32%37%2e0%2e0%2e1:{port}/",
    "percent signs twice": "http://%2531%2532%2537.0.0.1:{port}/",
    "full-width digits": "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "full-width dots": "http://127\uff0e0\uff0e0\uff0e1:{port}/",
    "ideographic dots": "http://127\u30020\u30020\u30021:{port}/",
    "circled digits": "http://\u2460\u2461\u2466.0.0.1:{port}/",
    "superscripts": "http://\u00b9\u00b2\u2077.0.0.1:{port}/",
    "arabic digits": "http://\u0661\u0662\u0667.0.0.1:{port}/",
    "a soft hyphen": "http://127.0.0\u00ad.1:{port}/",
    "an invisible space": "http://127.0.0.1\u200b:{port}/",
    "punycode of digits": "http://xn--127-.0.0.1:{port}/",
    "punycode of full-width digits": "http://xn--41haa.0.0.1:{port}/",
    "IPv6 loopback": "http://[::1]:{port}/",
    "IPv6 loopback in full": "http://[0:0:0:0:0:0:0:1]:{port}/",
    "IPv6 unspecified": "http://[::]:{port}/",
    "IPv4 mapped": "http://[::ffff:127.0.0.1]:{port}/",
    "IPv4 mapped, in hex": "http://[::ffff:7f00:1]:{port}/",
    "IPv4 mapped, in full": "http://[0:0:0:0:0:ffff:7f00:0001]:{port}/",
    "IPv4 compatible": "http://[::127.0.0.1]:{port}/",
    "IPv4 translated": "http://[::ffff:0:127.0.0.1]:{port}/",
    "NAT64": "http://[64:ff9b::127.0.0.1]:{port}/",
    "NAT64, in hex": "http://[64:ff9b::7f00:1]:{port}/",
    "local NAT64": "http://[64:ff9b:1::7f00:1]:{port}/",
    "6to4": "http://[2002:7f00:1::1]:{port}/",
    "Teredo": "http://[2001:0:7f00:1::80ff:fffe]:{port}/",
    "ISATAP": "http://[fe80::5efe:127.0.0.1]:{port}/",
    "a zone": "http://[fe80::1%25lo]:{port}/",
    "a zone of loopback": "http://[::1%25lo]:{port}/",
    "a bare zone": "http://[::1%lo]:{port}/",
    "IPv6 link-local": "http://[fe80::1]:{port}/",
    "old site-local": "http://[fec0::1]:{port}/",
    "unique local": "http://[fd12:3456:789a::1]:{port}/",
    "IPv6 multicast": "http://[ff02::1]:{port}/",
    "IPv6 documentation": "http://[2001:db8::1]:{port}/",
    "IPv6 discard": "http://[100::1]:{port}/",
    "a future address form": "http://[v1.127.0.0.1]:{port}/",
    "IPv4 in brackets": "http://[127.0.0.1]:{port}/",
    "private, 10": "http://10.0.0.1:{port}/",
    "private, 172.16": "http://172.16.0.1:{port}/",
    "private, 192.168": "http://192.168.0.1:{port}/",
    "carrier-grade NAT": "http://100.64.0.1:{port}/",
    "metadata": "http://169.254.169.254:{port}/latest/meta-data/",
    "metadata as a decimal": "http://2852039166:{port}/",
    "metadata, IPv4 mapped": "http://[::ffff:169.254.169.254]:{port}/",
    "metadata by IPv6": "http://[fd00:ec2::254]:{port}/",
    "metadata of another cloud": "http://100.100.100.200:{port}/",
    "multicast": "http://224.0.0.1:{port}/",
    "broadcast": "http://255.255.255.255:{port}/",
    "the future": "http://240.0.0.1:{port}/",
    "documentation": "http://192.0.2.1:{port}/",
    "benchmarks": "http://198.18.0.1:{port}/",
    "protocol assignments": "http://192.0.0.8:{port}/",
    "a user before": "http://example.com@127.0.0.1:{port}/",
    "a user and a password": "http://a:b@127.0.0.1:{port}/",
    "an empty user": "http://@127.0.0.1:{port}/",
    "a user behind": "http://127.0.0.1:{port}@example.invalid/",
    "two users": "http://a@b@127.0.0.1:{port}/",
    "a backslash": "http://example.invalid\\@127.0.0.1:{port}/",
    "backslashes for slashes": "http:\\\\127.0.0.1:{port}/",
    "a fragment": "http://127.0.0.1:{port}#@example.invalid/",
    "a line break": "http://127.0.0.1\r\n:{port}/",
    "a tab": "http://127.0.0\t.1:{port}/",
    "a null": "http://127.0.0.1\x00.example.invalid:{port}/",
    "a space": "http://127.0.0.1 .example.invalid:{port}/",
    "one slash": "http:/127.0.0.1:{port}/",
    "three slashes": "http:///127.0.0.1:{port}/",
    "no scheme": "//127.0.0.1:{port}/",
    "another scheme": "gopher://127.0.0.1:{port}/_POST",
    "a file": "file:///etc/passwd",
    "a socket": "unix:///run/redis.sock",
    "a scheme inside": "http+unix://127.0.0.1:{port}/",
    "localhost": "http://localhost:{port}/",
    "LOCALHOST with a dot": "http://LOCALHOST.:{port}/",
    "a name below localhost": "http://app.localhost:{port}/",
    "a single label": "http://redis:{port}/",
    "a local name": "http://printer.local:{port}/",
    "an internal name": "http://db.internal:{port}/",
    "the metadata name": "http://metadata.google.internal:{port}/",
    "a wildcard name": "http://127.0.0.1.nip.example:{port}/",
    "a public name of an inner host": "http://hooks.example.com:{port}/",
    "a name with letters of another script": "http://h\u043e\u043eks.example:{port}/",
    "a punycode name": "http://xn--bcher-kva.example:{port}/",
    "a long s": "http://localho\u017ft:{port}/",
    "full-width letters": "http://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54:{port}/",
    "circled letters": "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3:{port}/",
}


class Inner(AbstractResolver):
    """A name server that answers whatever it is asked with an address inside, behind a public one."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=ip, port=port, family=socket.AF_INET, proto=6, flags=0)
            for ip in ("127.0.0.1", "8.8.8.8")
        ]

    async def close(self) -> None:
        pass


def test_there_are_more_than_sixty_hostile_urls() -> None:
    assert len(set(HOSTILE.values())) == len(HOSTILE) >= 60


@pytest.mark.parametrize("trick", HOSTILE)
async def test_no_hostile_url_reaches_this_machine(receiver: Receiver, trick: str) -> None:
    url = HOSTILE[trick].format(port=receiver.port)
    # Both lines of defence by themselves: a URL that could not be saved is tried all the same.
    async with open_session((), resolver=Inner()) as session, asyncio.timeout(20):
        outcome = await post(session, url, b"", {})
    assert receiver.heads == []
    assert isinstance(outcome, Failed)
    try:
        kept = read_url(url)
    except ValueError:
        return
    assert kept == url
    assert (outcome.reason, outcome.permanent) == ("refused_address", True)


def test_a_refused_url_is_never_repeated_in_the_sentence_that_refuses_it() -> None:
    for url in HOSTILE.values():
        with suppress(ValueError):
            read_url(url.format(port=54321))
            continue
        with pytest.raises(ValueError, match=r"\.$") as refused:
            read_url(url.format(port=54321))
        assert "54321" not in str(refused.value)


@pytest.mark.parametrize("trick", ["loopback", "IPv4 mapped", "localhost"])
async def test_the_receiver_would_have_been_reached_without_the_guard(receiver: Receiver, trick: str) -> None:
    connector = aiohttp.TCPConnector(family=socket.AF_UNSPEC)
    async with aiohttp.ClientSession(connector=connector) as session:
        await post(session, HOSTILE[trick].format(port=receiver.port), b"", {})
    assert len(receiver.heads) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "/inner", "http://[::ffff:127.0.0.1]:{port}/"],
)
async def test_a_redirect_to_this_machine_is_not_followed_even_where_it_may_be_reached(
    receiver: Receiver, status: int, target: str
) -> None:
    asked = 0

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        location = target.format(port=receiver.port)
        head = (
            f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode())
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    async with server, open_session(LOOPBACK) as session:
        answer = await post(session, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"", {})
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert asked == 1
    assert receiver.heads == []


async def test_a_name_that_turns_inside_between_check_and_connect_is_refused(receiver: Receiver) -> None:
    class Turning(dict[str, Any]):
        """An answer that is public when it is looked at first, and inside from then on."""

        def __getitem__(self, key: str) -> Any:
            found = super().__getitem__(key)
            if key == "host":
                self["host"] = "127.0.0.1"
            return found

    class Rebinding(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            return [
                cast(ResolveResult, Turning(answer)) for answer in await super().resolve(host, port, family)
            ]

    async with open_session((), resolver=Rebinding(["8.8.8.8"])) as session, asyncio.timeout(20):
        outcome = await post(session, f"http://turning.example:{receiver.port}/", b"", {})
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("refused_address", True)
    assert receiver.heads == []
