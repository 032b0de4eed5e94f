"""Whose address a request came from: the peer's, or a forwarded one when a trusted proxy says so."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


def client_address(peer: str, forwarded_for: str, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """The nearest address on the way to us that is no trusted proxy.

    `forwarded_for` is read from its end, hop by hop, and only as far as trusted proxies wrote it: what stands
    further left may be anybody's invention. "" when the peer has no address (a unix socket).
    """
    address = _parse(peer)
    if address is None or not trusted:
        return str(address) if address else ""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while hops and any(address in network for network in trusted if network.version == address.version):
        nearer = _parse(hops.pop())
        if nearer is None:
            break
        address = nearer
    return str(address)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
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
