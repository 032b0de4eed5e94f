"""Addresses that messages lead to; those that change something without a login are signed. Pure."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from itsdangerous import BadSignature, URLSafeSerializer


class BadLink(ValueError):
    """The link was not made here, or was cut or changed on its way."""


@dataclass(frozen=True, slots=True)
class Links:
    """`base` is where people reach the pages, without a slash at the end; "" when nobody has said so, and then
    every link is "". `key` is SECRET_KEY.
    """

    base: str
    key: str

    def check(self, check_id: int) -> str:
        """A check's page."""
        return self._at(f"/checks/{check_id}")

    def dashboard(self) -> str:
        """All checks."""
        return self._at("/dashboard")

    def channels(self) -> str:
        """All channels."""
        return self._at("/channels")

    def channel(self, channel_id: int) -> str:
        """A channel's page."""
        return self._at(f"/channels/{channel_id}")

    def acknowledge(self, user_id: int, check_id: int, down_since: int) -> str:
        """Ends the reminders of the failure that began at `down_since` (ms)."""
        return self._signed("acknowledge", [user_id, check_id, down_since])

    def unsubscribe(self, user_id: int, channel_id: int, address: str) -> str:
        """Turns an e-mail channel off, for the one who gets its mail at `address`; not once it leads elsewhere."""
        return self._signed("unsubscribe", [user_id, channel_id, address_number(address)])

    def confirm(self, user_id: int, channel_id: int, address: str) -> str:
        """Lets a channel send to `address`, for the one who reads its mail; no other address of the channel."""
        return self._signed("confirm", [user_id, channel_id, address_number(address)])

    @property
    def host(self) -> str:
        """The name of this installation, as in its links; "" without a base."""
        return urlsplit(self.base).netloc

    def _at(self, path: str) -> str:
        return f"{self.base}{path}" if self.base else ""

    def _signed(self, purpose: str, numbers: list[int]) -> str:
        return self._at(f"/{purpose}/{_signer(self.key, purpose).dumps(numbers)}")


def address_number(address: str) -> int:
    """A short number of an address, by which a link for another one is told."""
    return int.from_bytes(hashlib.sha256(address.encode()).digest()[:6], "big")


def read_link(key: str, purpose: str, token: str, count: int) -> list[int]:
    """The `count` numbers of a signed link's last part. Raises BadLink."""
    try:
        numbers = _signer(key, purpose).loads(token)
    except BadSignature:
        raise BadLink("This link is not complete, or not ours.") from None
    if not isinstance(numbers, list) or len(numbers) != count or not all(type(n) is int for n in numbers):
        raise BadLink("This link is not complete, or not ours.")
    return numbers


def _signer(key: str, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt=f"ttr.{purpose}")
