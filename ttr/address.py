"""Addresses: the networks that settings name, and whose address a request came from."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

# Of an IPv6 address with brackets, zone and port.
_LONGEST = 80


def parse_networks(text: str) -> tuple[Network, ...]:
    """The comma-separated CIDRs (or single addresses) of a setting; "" is none of them.

    Raises ValueError with a sentence that names the bad entry.
    """
    networks: list[Network] = []
    for entry in (part.strip() for part in text.split(",")):
        if not entry:
            continue
        try:
            network = ip_network(entry)
        except ValueError:
            try:
                meant = ip_network(entry, strict=False)
            except ValueError:
                raise ValueError(f"{entry!r} is not a network like 10.0.0.0/8") from None
            raise ValueError(f"{entry!r} has bits set beyond its prefix: write {meant}") from None
        if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
            raise ValueError(f"{entry!r} is an IPv4 network in IPv6 form: write the IPv4 one")
        networks.append(network)
    return tuple(networks)


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The nearest address on the way to us that is no trusted proxy.

    `forwarded_for` is read from its end, hop by hop, and only as far as trusted proxies wrote it: what stands
    further left may be anybody's invention. "" when the peer has no address (a unix socket).
    """
    if not trusted:
        return _canonical(peer)
    address = _parse(peer)
    if address is None:
        return ""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while hops and _within(address, trusted):
        nearer = _parse(hops.pop())
        if nearer is None:
            break
        address = nearer
    return str(address)


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether the peer is a trusted proxy, whose word on its clients is taken."""
    address = _parse(peer) if trusted else None
    return address is not None and _within(address, trusted)


def counted_as(address: str) -> str:
    """Whom limits per address count: of IPv6 the /64 that every customer has to himself; anything else as it is."""
    return _network(address) if ":" in address else address


@lru_cache(maxsize=4_096)
def _network(address: str) -> str:
    # 20 microseconds each time it is worked out, too much for every ping.
    try:
        network = ip_network((address, 64), strict=False)
    except ValueError:
        return address
    return str(network.network_address)


def _within(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


@lru_cache(maxsize=4_096)
def _canonical(peer: str) -> str:
    address = _parse(peer)
    return str(address) if address else ""


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    return _parse_known(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4_096)
def _parse_known(text: str) -> IPv4Address | IPv6Address | None:
    # Many pings come from few addresses, and this takes 5 microseconds.
    # Some proxies append the port: "192.0.2.1:4711" or "[2001:db8::1]:4711".
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
