"""The guard on requests to addresses that users chose: which networks they may reach, and the session."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ttr import __version__

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0

# Python's own tables call these global (some only in older patch releases), yet they lead inside, through a
# translator or tunnel to any IPv4 address, or nowhere.
_DENIED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and the metadata service of one cloud
        "192.0.0.0/24",  # IETF protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # local NAT64
        "2001::/23",  # IETF protocol assignments, Teredo 2001::/32 among them
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # the old site-local
    )
)

# asyncio's default pool has 6 threads on two cores: a few names whose servers never answer would hold up
# everybody's alerts for the 10 s and more that getaddrinfo waits.
_LOOKUP_THREADS = 512


class RefusedAddress(OSError):
    """The policy forbids the address; the text is a sentence for the channel's owner."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(errno.EACCES, sentence)


def refusal(address: str, allow: Sequence[Network]) -> str | None:
    """Why a connection to `address` is refused, as the adjective "loopback" or "private"; None if it may be.

    Only global unicast addresses may be reached, and those inside `allow`. An IPv4 address in IPv6 form is
    judged as the IPv4 address it is.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "malformed"
    ip: Address = parsed
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        ip = parsed.ipv4_mapped
    if any(ip in network for network in allow):
        return None
    if ip.is_loopback:
        return "loopback"
    if ip.is_link_local:
        return "link-local"
    if ip.is_multicast:
        return "multicast"
    if any(ip in network for network in _DENIED) or ip.is_reserved or ip.is_unspecified:
        return "reserved"
    return None if ip.is_global else "private"


def guarded_socket(info: aiohttp.AddrInfoType, allow: Sequence[Network]) -> socket.socket:
    """A socket for the very address that is about to be connected to. Raises RefusedAddress.

    This is the check that counts: literal addresses never pass a resolver.
    """
    family, kind, protocol, _, sockaddr = info
    address = str(sockaddr[0])
    if why := refusal(address, allow):
        raise RefusedAddress(f"Address {address} is {why}; the operator can allow it with EGRESS_ALLOW")
    return socket.socket(family, kind, protocol)


class SystemResolver(AbstractResolver):
    """Names to addresses by the system's getaddrinfo, in threads of its own that end with the resolver."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Every address of `host`. Raises OSError when there is none."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._pool, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
            )
        except UnicodeError:
            # A label over 63 characters fails in Python's own encoder, before any look-up.
            raise socket.gaierror(socket.EAI_NONAME, "not a valid name") from None
        return [
            ResolveResult(
                hostname=host,
                host=str(sockaddr[0]),
                port=port,
                family=found_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, _, protocol, _, sockaddr in found
        ]

    async def close(self) -> None:
        """Start no further look-up; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class GuardedResolver(AbstractResolver):
    """Another resolver's answers, given on only if every single one may be reached."""

    def __init__(self, inner: AbstractResolver, allow: Sequence[Network]) -> None:
        self._inner = inner
        self._allow = allow

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises RefusedAddress if one of them is forbidden.

        The sentence does not tell the address: a tenant must not be able to read the operator's inner DNS.
        """
        answers = await self._inner.resolve(host, port, family)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "no addresses")
        for answer in answers:
            if why := refusal(answer["host"], self._allow):
                raise RefusedAddress(
                    f"The name leads to a {why} address; the operator can allow it with EGRESS_ALLOW"
                )
        return answers

    async def close(self) -> None:
        """Close the resolver inside."""
        await self._inner.close()


class _OwningConnector(aiohttp.TCPConnector):
    """A connector that closes the resolver it was given, which aiohttp leaves to the giver."""

    def __init__(self, allow: Sequence[Network], resolver: AbstractResolver) -> None:
        self._own_resolver = GuardedResolver(resolver, allow)
        super().__init__(
            resolver=self._own_resolver,
            socket_factory=lambda info: guarded_socket(info, allow),
            # Alerts are rare and many receivers drop an idle connection after 5 s: reuse would mostly find
            # dead ones, and a POST on a dead connection can't be told from one that was lost.
            force_close=True,
            # The callers bound how many they send at once; waiting for a place here would eat the timeout.
            limit=0,
        )

    async def close(self, *, abort_ssl: bool = False) -> None:
        await super().close(abort_ssl=abort_ssl)
        await self._own_resolver.close()


def open_session(
    allow: Sequence[Network],
    *,
    connect_seconds: float = CONNECT_SECONDS,
    total_seconds: float = TOTAL_SECONDS,
    resolver: AbstractResolver | None = None,
) -> aiohttp.ClientSession:
    """A session that reaches only public addresses and those inside `allow`; call it in a running loop.

    It keeps no cookies and no connections, reads no proxy, .netrc or other thing from the environment, and
    decompresses nothing. Requests through it must say `allow_redirects=False` (`exchange.post` does);
    a redirect would be guarded too, but would carry the notification to somebody its owner did not name.
    """
    return aiohttp.ClientSession(
        connector=_OwningConnector(allow, resolver or SystemResolver()),
        timeout=aiohttp.ClientTimeout(total=total_seconds, sock_connect=connect_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"User-Agent": f"ttr/{__version__}", "Accept-Encoding": "identity"},
    )
