"""The tokens of admins: JWTs of two types, signed with a key of their own that is made from SECRET_KEY."""

import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Kind = Literal["access", "refresh"]

_ISSUER = "ttr"
_AUDIENCE = "ttr-admin"
_ALGORITHM = "HS256"
_NEEDED = ["iss", "aud", "sub", "typ", "jti", "fam", "iat", "exp"]
_LEEWAY_SECONDS = 2
"""Clocks of processes may differ by as much."""
_LONGEST = 4_096
"""Characters; ours have some 400."""


class BadToken(Exception):
    """Not a token of ours, not of this type, or not one any more."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Of which admin a token is, out of which login, and its own id."""

    username: str
    family: str
    token_id: str


def sign(secret: str, kind: Kind, claims: Claims, *, now: int, seconds: int) -> str:
    """A token made at `now` (ms) that lasts for `seconds`; `secret` is SECRET_KEY."""
    at = now // 1_000
    content = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": claims.username,
        "typ": kind,
        "jti": claims.token_id,
        "fam": claims.family,
        "iat": at,
        "exp": at + seconds,
    }
    return jwt.encode(content, _key(secret, b"tokens of admins"), algorithm=_ALGORITHM)


def read(secret: str, kind: Kind, token: str) -> Claims:
    """What a token of this kind says. Raises BadToken, which never says why: nobody honest has use for it."""
    if len(token) > _LONGEST:
        raise BadToken
    try:
        content: dict[str, Any] = jwt.decode(
            token,
            _key(secret, b"tokens of admins"),
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            issuer=_ISSUER,
            leeway=_LEEWAY_SECONDS,
            options={"require": _NEEDED, "strict_aud": True},
        )
    except (
        jwt.InvalidTokenError,
        ValueError,
        RecursionError,
    ):  # the last for a header nested a thousand deep
        raise BadToken from None
    family = content["fam"]
    if content["typ"] != kind or not isinstance(family, str):
        raise BadToken
    return Claims(content["sub"], family, content["jti"])


def csrf_token(secret: str, family: str) -> str:
    """What a script that renews its tokens sends along, to show that it has read an answer of ours."""
    return hmac.new(_key(secret, b"forms of admins"), family.encode(), "sha256").hexdigest()


@lru_cache(maxsize=8)
def _key(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"ttr: " + purpose).derive(secret.encode())
