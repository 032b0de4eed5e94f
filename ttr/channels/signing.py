"""Signatures of messages as in Standard Webhooks 1.0.0, and the secrets that make them."""

import base64
import hmac
import secrets as chance
from collections.abc import Mapping

PREFIX = "whsec_"
_SECRET_BYTES = 32
# A receiver has this long to take over a new secret: until then it finds a signature of the old one as well.
OLD_VALID_MS = 86_400_000


def new_signing_secret() -> str:
    """A secret as receivers' libraries take it: "whsec_" and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(chance.token_bytes(_SECRET_BYTES)).decode()


def with_new_secret(secrets: Mapping[str, str], new: str, now: int) -> dict[str, str]:
    """A channel's secrets with `new` as the signing one; the one before stays valid for a day from `now` (ms).

    Kept as "signing", "signing_before" and "signing_before_until"; the one before that ends at once.
    """
    changed = {**secrets, "signing": new}
    if before := secrets.get("signing"):
        changed |= {"signing_before": before, "signing_before_until": str(now + OLD_VALID_MS)}
    return changed


def signing_list(secrets: Mapping[str, str], now: int) -> str:
    """The signing secrets that are valid at `now` (ms), newest first, separated by spaces; "" for none."""
    found = [secrets.get("signing", "")]
    if now < int(secrets.get("signing_before_until") or 0):
        found.append(secrets.get("signing_before", ""))
    return " ".join(secret for secret in found if secret)


def signatures(secrets: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one "v1,..." for each of the `secrets`, which are separated by spaces.

    `timestamp` is the attempt's, in Unix seconds. Raises ValueError for a secret that isn't one of ours.
    """
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return " ".join(f"v1,{_digest(secret, signed)}" for secret in secrets.split())


def _digest(secret: str, signed: bytes) -> str:
    if not secret.startswith(PREFIX):
        raise ValueError(f"a signing secret begins with {PREFIX}")
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
