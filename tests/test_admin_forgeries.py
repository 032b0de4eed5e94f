"""Forged tokens of admins: each is made when it is tested, and told apart from one that we made."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ttr import admin_tokens
from ttr.admin_tokens import BadToken, Claims, csrf_token, read, sign
from ttr.now import now_ms

SECRET = "tests only"
WHO = Claims("ada", "f" * 22, "t" * 22)
KEY = admin_tokens._key(SECRET, b"tokens of admins")


def good(kind: admin_tokens.Kind = "access", **changed: Any) -> dict[str, Any]:
    """The claims of a good token, some of them changed; None leaves one out."""
    now = now_ms() // 1_000
    claims = {"iss": "ttr", "aud": "ttr-admin", "sub": "ada", "typ": kind, "jti": "t" * 22, "fam": "f" * 22}
    claims |= {"iat": now, "exp": now + 60} | changed
    return {name: value for name, value in claims.items() if value is not None}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], claims: dict[str, Any], key: bytes | None) -> str:
    """A token as no library would make it; without a key it has no signature."""
    text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
    return f"{text}.{b64(hmac.digest(key, text.encode(), 'sha256')) if key is not None else ''}"


def by_hand_text(header: str) -> str:
    """A token whose header is this text, signed by our key."""
    text = f"{b64(header.encode())}.{b64(json.dumps(good()).encode())}"
    return f"{text}.{b64(hmac.digest(KEY, text.encode(), 'sha256'))}"


def test_what_we_sign_we_read() -> None:
    for kind in ("access", "refresh"):
        assert read(SECRET, kind, sign(SECRET, kind, WHO, now=now_ms(), seconds=60)) == WHO
    assert read(SECRET, "access", jwt.encode(good(), KEY, "HS256")) == WHO
    assert read(SECRET, "access", by_hand({"alg": "HS256", "typ": "JWT"}, good(), KEY)) == WHO


# Made when they are tested: one that has expired meanwhile would be refused for that.
FORGED: dict[str, Callable[[], str]] = {
    "alg none": lambda: by_hand({"alg": "none"}, good(), None),
    "alg None": lambda: by_hand({"alg": "None"}, good(), None),
    "alg none, signed": lambda: by_hand({"alg": "none"}, good(), KEY),
    "no alg": lambda: by_hand({"typ": "JWT"}, good(), KEY),
    "alg HS512": lambda: jwt.encode(good(), KEY * 2, "HS512"),
    "alg says HS512": lambda: by_hand({"alg": "HS512"}, good(), KEY),
    "alg hs256": lambda: by_hand({"alg": "hs256"}, good(), KEY),
    "alg a list": lambda: by_hand({"alg": ["HS256"]}, good(), KEY),
    "alg RS256 over our HMAC": lambda: by_hand({"alg": "RS256"}, good(), KEY),
    "another key": lambda: jwt.encode(good(), hashlib.sha256(b"another").digest(), "HS256"),
    "an empty key": lambda: by_hand({"alg": "HS256"}, good(), b""),
    "SECRET_KEY itself": lambda: by_hand({"alg": "HS256"}, good(), SECRET.encode()),
    "the key of the CSRF word": lambda: jwt.encode(
        good(), admin_tokens._key(SECRET, b"forms of admins"), "HS256"
    ),
    "no signature": lambda: jwt.encode(good(), KEY, "HS256").rpartition(".")[0] + ".",
    "two parts": lambda: jwt.encode(good(), KEY, "HS256").rpartition(".")[0],
    "a critical extension": lambda: by_hand({"alg": "HS256", "crit": ["b64"], "b64": False}, good(), KEY),
    "a key that it brings along": lambda: by_hand(
        {"alg": "HS256", "jwk": {"kty": "oct", "k": b64(b"mine")}}, good(), b"mine"
    ),
    "a key id that is a path": lambda: by_hand({"alg": "HS256", "kid": "../../dev/null"}, good(), b""),
    "nothing": lambda: "",
    "dots": lambda: "..",
    "no base64": lambda: "\u00e4.\u00e4.\u00e4",
    "not JSON": lambda: f"{b64(b'{')}.{b64(b'{')}.{b64(b'x')}",
    "a list of claims": lambda: by_hand({"alg": "HS256"}, [1], KEY),  # type: ignore[arg-type]
    "a header nested deep": lambda: by_hand_text('{"alg": "HS256", "x": ' + "[" * 1_100 + "]" * 1_100 + "}"),
    "a long one": lambda: jwt.encode(good(more="x" * 5_000), KEY, "HS256"),
}


@pytest.mark.parametrize("how", sorted(FORGED))
def test_a_forged_token_opens_nothing(how: str) -> None:
    for kind in ("access", "refresh"):
        with pytest.raises(BadToken):
            read(SECRET, kind, FORGED[how]())


def test_a_token_signed_with_a_key_pair_opens_nothing() -> None:
    pair = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    public = pair.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for token in (jwt.encode(good(), pair, "RS256"), by_hand({"alg": "HS256"}, good(), public)):
        with pytest.raises(BadToken):
            read(SECRET, "access", token)


def test_one_changed_letter_is_seen() -> None:
    token = jwt.encode(good(), KEY, "HS256")
    head, body, signature = token.split(".")
    for claims in (good(sub="bob"), good(exp=2**40), good("refresh")):
        with pytest.raises(BadToken):
            read(SECRET, "access", f"{head}.{b64(json.dumps(claims).encode())}.{signature}")
    with pytest.raises(BadToken):
        read(SECRET, "access", f"{head}.{body}.{signature[:-2]}AA")


@pytest.mark.parametrize("claim", sorted(good()))
def test_no_claim_may_be_missing(claim: str) -> None:
    with pytest.raises(BadToken):
        read(SECRET, "access", jwt.encode(good(**{claim: None}), KEY, "HS256"))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody"},
        {"iss": ["ttr"]},
        {"aud": "ttr"},
        {"aud": ["ttr-admin", "ttr"]},
        {"aud": ["ttr-admin"]},
        {"typ": "refresh"},
        {"typ": ""},
        {"typ": ["access"]},
        {"sub": 7},
        {"jti": 7},
        {"fam": 7},
        {"exp": "never"},
        {"exp": "now-60"},
        {"exp": -1},
        {"exp": 1e400},
        {"exp": True},
        {"iat": "now+600"},
        {"iat": "now"},
        {"nbf": "now+600"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_claim_is_judged(changed: dict[str, Any]) -> None:
    for name, value in changed.items():
        if isinstance(value, str) and value.startswith(("now+", "now-")):
            changed = {name: now_ms() // 1_000 + int(value.removeprefix("now"))}
    with pytest.raises(BadToken):
        read(SECRET, "access", by_hand({"alg": "HS256"}, good(**changed), KEY))


def test_of_two_kinds_each_opens_its_own_door() -> None:
    for kind, other in (("access", "refresh"), ("refresh", "access")):
        token = sign(SECRET, kind, WHO, now=now_ms(), seconds=60)
        with pytest.raises(BadToken):
            read(SECRET, other, token)


def test_another_secret_key_reads_nothing() -> None:
    with pytest.raises(BadToken):
        read("another", "access", sign(SECRET, "access", WHO, now=now_ms(), seconds=60))


def test_a_token_is_over_when_it_is() -> None:
    now = now_ms()
    assert read(SECRET, "access", sign(SECRET, "access", WHO, now=now - 55_000, seconds=60)) == WHO
    with pytest.raises(BadToken):
        read(SECRET, "access", sign(SECRET, "access", WHO, now=now - 65_000, seconds=60))


def test_the_word_against_forgery_is_of_one_login() -> None:
    assert csrf_token(SECRET, "a" * 22) == csrf_token(SECRET, "a" * 22)
    assert (
        len({csrf_token(SECRET, "a" * 22), csrf_token(SECRET, "b" * 22), csrf_token("other", "a" * 22)}) == 3
    )
