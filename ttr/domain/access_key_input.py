"""What owners may say of an access key: name, scope, and where it may be used; for forms and JSON alike. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv6Network, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ttr.domain.access_key import AccessKey, Enforced, Scope, address_refusal, origin_refusal
from ttr.domain.invalid import FieldError, has_control
from ttr.domain.limits import BINDINGS_MAX, NAME_MAX
from ttr.domain.text import line

_HOST = re.compile(r"[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\]", re.ASCII)
_PORTS = {"http": 80, "https": 443}


def _name(text: str) -> str:
    text = text.strip()
    if not text:
        raise ValueError("This can't be empty.")
    if has_control(text):
        raise ValueError("Control characters can't be in a name.")
    return text


def _network(text: str) -> str:
    """The network in its one form. Raises ValueError."""
    text = text.strip()
    try:
        network = ip_network(text)
    except ValueError:
        try:
            meant = ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"{text[:60]!r} is no address like 192.0.2.7 or 10.0.0.0/8.") from None
        raise ValueError(f"{text!r} has bits set beyond its prefix: write {meant}.") from None
    if isinstance(network, IPv6Network):
        if network.network_address.ipv4_mapped is not None:
            raise ValueError(f"{text!r} is an IPv4 network in IPv6 form: write the IPv4 one.")
        if network.network_address.scope_id:
            raise ValueError(f"{text[:60]!r} names an interface: leave out what follows the %.")
    return str(network)


def _origin(text: str) -> str:
    """The origin as browsers send it. Raises ValueError."""
    wrong = f"{text.strip()[:80]!r} is no origin like https://app.example.com or http://localhost:3000."
    lowered = text.strip().lower()
    try:
        parts = urlsplit(lowered)
        port = parts.port
    except ValueError:
        raise ValueError(wrong) from None
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host):
        raise ValueError(wrong)
    origin = f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")
    if lowered not in (origin, f"{parts.scheme}://{host}:{port}"):
        raise ValueError(wrong)
    return origin


def _once(found: list[str]) -> list[str]:
    return list(dict.fromkeys(found))


Name = Annotated[
    str,
    Field(min_length=1, max_length=NAME_MAX, json_schema_extra={"pattern": line(NAME_MAX)}),
    AfterValidator(_name),
]
Addresses = Annotated[
    list[Annotated[str, Field(json_schema_extra={"format": "network"}), AfterValidator(_network)]],
    Field(max_length=BINDINGS_MAX, description="Networks (CIDR) it works from; empty: from anywhere."),
    AfterValidator(_once),
]
Origins = Annotated[
    list[Annotated[str, Field(json_schema_extra={"format": "origin"}), AfterValidator(_origin)]],
    Field(max_length=BINDINGS_MAX, description="Origins of pages that may use it; empty: any, or none."),
    AfterValidator(_once),
]


def _example(schema: dict[str, Any]) -> None:
    schema["examples"] = [{"name": "Backups of the night"}]


class KeyInput(BaseModel):
    """A new access key."""

    model_config = ConfigDict(json_schema_extra=_example)

    name: Name
    scope: Scope = Field("full", description="`read`: only GET and HEAD, and no login.")
    addresses: Addresses = []
    origins: Origins = []

    def draft(self) -> AccessKey:
        """The key before it has a secret."""
        return AccessKey("", self.name, "", 0, self.scope, tuple(self.addresses), tuple(self.origins))


class KeyChanges(BaseModel):
    """What changes of an access key; what is not sent, or null, stays as it is."""

    model_config = ConfigDict(json_schema_extra=_example)

    name: Name | None = None
    addresses: Addresses | None = None
    origins: Origins | None = None

    def applied(self, key: AccessKey) -> AccessKey:
        """The key with these changes."""
        return replace(
            key,
            name=key.name if self.name is None else self.name,
            addresses=key.addresses if self.addresses is None else tuple(self.addresses),
            origins=key.origins if self.origins is None else tuple(self.origins),
        )


def lines_of(text: str) -> Sequence[str]:
    """The entries of a list that was typed, one a line or with commas between them."""
    return [entry.strip() for entry in re.split(r"[\n,]", text) if entry.strip()]


def binding_faults(wanted: KeyInput | KeyChanges, enforced: Enforced) -> list[FieldError]:
    """What is wrong with a list that would refuse nobody here."""
    off = "The operator of this installation has turned that off: the list would refuse nobody."
    lists = (
        ("addresses", wanted.addresses, enforced.addresses),
        ("origins", wanted.origins, enforced.origins),
    )
    return [FieldError(field, off) for field, found, counts in lists if found and not counts]


def lockout_faults(
    key: AccessKey, changes: KeyChanges, enforced: Enforced, *, address: str, origin: str
) -> list[FieldError]:
    """What is wrong with changes of the key in use: it must not refuse the very request that makes them."""
    bound, faults = changes.applied(key), []
    if changes.addresses is not None and address_refusal(bound, address, enforced):
        where = f"this address, {address}," if address else "here, which has no address that is known:"
        faults.append(FieldError("addresses", f"You use this key from {where} and would be locked out."))
    if changes.origins is not None and origin_refusal(bound, origin, enforced):
        where = f"a page of {origin}" if origin else "no page"
        faults.append(FieldError("origins", f"You use this key on {where} and would be locked out."))
    return faults
