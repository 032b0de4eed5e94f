"""Access keys: what an account knows of each of its own, and what a key refuses by itself. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Literal
from urllib.parse import urlsplit

Scope = Literal["full", "read"]

FIRST_NAME = "First key"
"""What the key is called that comes with an account."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One key of an account, without the key. `digest` is its SHA-256, by which it is found."""

    digest: str
    name: str
    last4: str
    created_at: int
    scope: Scope = "full"
    addresses: tuple[str, ...] = ()
    """The networks (CIDR) it may be used from; none of them: from anywhere."""
    origins: tuple[str, ...] = ()
    """The web pages it may be used on, `https://host[:port]`; none of them: on all, and outside of any."""

    @property
    def id(self) -> str:
        """Its public name: 64 bits of the digest tell nothing of the key."""
        return self.digest[:16]


def read_access_key(digest: str, text: str | bytes) -> AccessKey:
    """A key as `kept` wrote it down."""
    fields = json.loads(text)
    return AccessKey(
        digest,
        fields["name"],
        fields["last4"],
        fields["created_at"],
        fields["scope"],
        tuple(fields["addresses"]),
        tuple(fields["origins"]),
    )


def kept(key: AccessKey) -> str:
    """How a key is kept, JSON; the same key is always the same text."""
    return json.dumps(
        {
            "name": key.name,
            "last4": key.last4,
            "created_at": key.created_at,
            "scope": key.scope,
            "addresses": key.addresses,
            "origins": key.origins,
        },
        ensure_ascii=False,
    )


@dataclass(frozen=True, slots=True)
class Enforced:
    """Which of a key's lists refuse (XAUTH_ENFORCE_IP, XAUTH_ENFORCE_ORIGIN)."""

    addresses: bool = True
    origins: bool = True


def address_refusal(key: AccessKey, address: str, enforced: Enforced) -> str:
    """Why a key can't be used from an address; "" when it can. Who has no address ("") is at none that is listed."""
    if not enforced.addresses or not key.addresses or _within(address, key.addresses):
        return ""
    return "This access key may not be used from this address."


def origin_refusal(key: AccessKey, origin: str, enforced: Enforced) -> str:
    """Why a key can't be used on a page of `origin` ("" for a caller that names none); "" when it can."""
    if not enforced.origins or not key.origins or origin in key.origins:
        return ""
    return "This access key may not be used by this origin."


def origin_of(headers_origin: str, referer: str) -> str:
    """The origin that a request names: its Origin, else that of its Referer; "" when it names none."""
    if headers_origin:
        return "" if headers_origin == "null" else headers_origin.lower()
    try:
        parts = urlsplit(referer)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme and parts.netloc else ""


def _within(address: str, networks: Sequence[str]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(
        parsed in network for text in networks if (network := ip_network(text)).version == parsed.version
    )
