"""Tokens of admins: nothing but our own passes, each of its own type, in its own time."""

import base64
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ttr.admin_tokens import BadToken, Claims, _key, csrf_token, read, sign
from ttr.now import now_ms

SECRET = "a secret of this test"
CLAIMS = Claims("ops", "family", "token")


def made(kind: Any = "access", *, secret: str = SECRET, at: int = 0, seconds: int = 600) -> str:
    """A token of ours, made `at` seconds from now."""
    return sign(secret, kind, CLAIMS, now=now_ms() + at * 1_000, seconds=seconds)


def forged(*, key: bytes | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token like ours but for some claims (None leaves one out), signed with our key or another."""
    now = now_ms() // 1_000
    content = {
        "iss": "ttr",
        "aud": "ttr-admin",
        "sub": "ops",
        "typ": "access",
        "jti": "token",
        "fam": "family",
        "iat": now,
        "exp": now + 600,
    }
    content = {name: value for name, value in (content | claims).items() if value is not None}
    return by_hand(
        {"alg": "HS256", "typ": "JWT"} | (header or {}), content, key or _key(SECRET, b"tokens of admins")
    )


def by_hand(header: dict[str, Any], content: dict[str, Any], key: bytes) -> str:
    """A token that no library would make, with a right HS256 signature under `key`."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, content)]
    signature = hmac.new(key, b".".join(parts), "sha256").digest()
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def content_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_each_kind_reads_as_what_it_is(kind: Any) -> None:
    assert read(SECRET, kind, made(kind)) == CLAIMS
    assert read(SECRET, "access", forged()) == CLAIMS, "what is forged below is right but for one thing"


def test_neither_kind_passes_for_the_other() -> None:
    for kind, other in (("access", "refresh"), ("refresh", "access")):
        with pytest.raises(BadToken):
            read(SECRET, other, made(kind))  # type: ignore[arg-type]  # a word that it is


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_a_signature_is_none(algorithm: str) -> None:
    content = content_of(made())
    for signature in ("", made().rpartition(".")[2]):
        header = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
        head, body = (
            base64.urlsafe_b64encode(part).rstrip(b"=").decode()
            for part in (header, json.dumps(content).encode())
        )
        with pytest.raises(BadToken):
            read(SECRET, "access", f"{head}.{body}.{signature}")


@pytest.mark.parametrize(
    "algorithm", ["HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "HS256 ", "hs256"]
)
def test_another_algorithm_in_the_header_is_refused_whatever_signed_it(algorithm: str) -> None:
    token = by_hand({"alg": algorithm, "typ": "JWT"}, content_of(made()), _key(SECRET, b"tokens of admins"))
    with pytest.raises(BadToken):
        read(SECRET, "access", token)


def test_a_token_that_was_really_signed_otherwise_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    content = content_of(made())
    tokens = [
        jwt.encode(content, key, algorithm="RS256"),
        by_hand({"alg": "HS256", "typ": "JWT"}, content, public),
        jwt.encode(content, _key(SECRET, b"tokens of admins") * 2, algorithm="HS512"),
    ]
    for token in tokens:
        with pytest.raises(BadToken):
            read(SECRET, "access", token)


@pytest.mark.parametrize(
    "key",
    [
        SECRET.encode(),
        b"",
        b"secret",
        b"\x00" * 32,
        _key(SECRET, b"forms of admins"),
        _key("another secret", b"tokens of admins"),
    ],
)
def test_another_key_is_refused(key: bytes) -> None:
    with pytest.raises(BadToken):
        read(SECRET, "access", by_hand({"alg": "HS256", "typ": "JWT"}, content_of(made()), key))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../dev/null"},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/key"},
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
    ],
)
def test_a_header_names_no_key(header: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        read(SECRET, "access", forged(key=b"k" * 32, header=header))


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "typ", "jti", "fam", "iat", "exp"])
def test_every_claim_is_needed(name: str) -> None:
    with pytest.raises(BadToken):
        read(SECRET, "access", forged(**{name: None}))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "other"},
        {"iss": ["ttr"]},
        {"aud": "ttr"},
        {"aud": ["ttr-admin"]},
        {"aud": ["ttr-admin", "other"]},
        {"aud": ""},
        {"sub": 7},
        {"sub": ["ops"]},
        {"typ": "Access"},
        {"typ": ["access"]},
        {"typ": ""},
        {"jti": 7},
        {"fam": 7},
        {"fam": {"a": 1}},
        {"exp": "tomorrow"},
        {"exp": [9_999_999_999]},
        {"exp": float("inf")},
        {"iat": "today"},
        {"nbf": 9_999_999_999},
    ],
    ids=str,
)
def test_a_claim_that_says_something_else_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        read(SECRET, "access", forged(**claims))


def test_a_token_has_its_time() -> None:
    for token in (made(at=-700), made(at=600), made(at=-100, seconds=50), made(seconds=-10)):
        with pytest.raises(BadToken):
            read(SECRET, "access", token)
    assert read(SECRET, "access", made(at=-500)) == CLAIMS


def test_nothing_that_was_changed_on_its_way_passes() -> None:
    token = made()
    head, body, signature = token.split(".")
    other = made("refresh").split(".")
    for changed in (
        "",
        ".",
        "..",
        token[:-2],
        token + "A",
        f"{head}.{body}",
        f"{head}.{body}.",
        f"{head}.{other[1]}.{signature}",
        f"{head}.{body}.{other[2]}",
        f"{body}.{head}.{signature}",
        f" {token}x",
        token.replace(".", ". "),
        "\u00e9.\u00e9.\u00e9",
        "\x00",
        token * 20,
    ):
        with pytest.raises(BadToken):
            read(SECRET, "access", changed)


def test_a_header_that_is_nested_without_end_breaks_nothing() -> None:
    head = base64.urlsafe_b64encode(b"[" * 2_500).decode()
    for nested in (head, base64.urlsafe_b64encode(b'{"a":' * 500).decode()):
        with pytest.raises(BadToken):
            read(SECRET, "access", f"{nested}.e30.AAAA")


def test_an_algorithm_that_is_no_word_breaks_nothing() -> None:
    for header in ({"alg": []}, {"alg": {}}, {"alg": 7}, {"alg": None}, {}, {"alg": "HS256", "crit": ["x"]}):
        with pytest.raises(BadToken):
            read(SECRET, "access", by_hand(header, content_of(made()), _key(SECRET, b"tokens of admins")))


def test_the_token_for_forms_is_one_login_s() -> None:
    assert csrf_token(SECRET, "one") == csrf_token(SECRET, "one")
    assert len({csrf_token(SECRET, "one"), csrf_token(SECRET, "two"), csrf_token("other", "one")}) == 3
