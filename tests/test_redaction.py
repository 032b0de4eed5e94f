"""What is masked in a line, and what is left of it for people to read."""

import secrets
import time

import pytest

from ttr.redaction import MASK, Redaction, names_a_secret, secrets_in

KEY = "Zk3vQ0-9aRbX_wT5yLmN2pUe8HsJcD1f"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot reach redis://:pa@ss/w@cache:6379/0 now", "cannot reach redis://***@cache:6379/0 now"),
        ("rediss://u:p@h", "rediss://***@h"),
        ("invalid dsn 'postgresql://u:p w\"d@h/db'", "invalid dsn 'postgresql://***@h/db'"),
        ("postgres://user:cut", "postgres://user:***"),
        ("GET /p/acme/nightly?create=1 failed", "GET /p/*** failed"),
        ("https://ttr.example/p/acme/nightly/fail", "https://ttr.example/***"),
        ("/ping/0b5e2a34-6a4a-4c6b-9a55-0d1f6f1a2b3c/start", "/ping/***"),
        ("check 0b5e2a34-6a4a-4c6b-9a55-0d1f6f1a2b3c", "check ***"),
        ("POST https://hooks.slack.com/services/T0/B0/xyz: 404", "POST https://hooks.slack.com/*** 404"),
        ("url='/services/T0/B0/xyz'", "url='/services/***'"),
        ("/api/webhooks/123/tok", "/api/webhooks/***"),
        ("https://hook.example?key=1", "https://hook.example/***"),
        ("/bot123:AA-bb_c/sendMessage", "/***/sendMessage"),
        ("token 123456:" + "A" * 30, "token ***"),
        ("Authorization: Bearer abc.def, x", "Authorization: ***"),
        ("(b'x-auth-key', b'abc')", "(b'x-auth-key', ***"),
        ("sent Bearer abcdefgh", "sent Bearer ***"),
        ("gAAAAABmZ" + "q" * 40 + "==", "***"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln of ops", "*** of ops"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "***"),
        ("{'password': 'it\\'s \"mine\"', 'port': 1}", "{'password': ***, 'port': 1}"),
        ("host=h password=pw dbname=d", "host=h password=*** dbname=d"),
        ("/acknowledge/WzEsMl0.sig", "/acknowledge/***"),
        (f"key {KEY} of 5", "key *** of 5"),
    ],
)
def test_secrets_are_masked_and_words_stay(text: str, shown: str) -> None:
    assert Redaction().masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "GET /p/<ping> 200",
        "a delivery of 7-12-1790000000000-c5-and-a-longer-one",
        'File "/srv/ttr/ping/handler.py", line 105, in test_a_long_name_that_says_what_it_does',
        "SomethingQuiteUnavailableExceptionHandler",
        "Set ENCRYPTION_KEY: not set; see https://ttr.example",
        "5f0d8a3c9b1e2f47",
        "the token has expired",
        "socket.gaierror: [Errno -2] Name or service not known",
        "\u4e2d\u6587 and \U0001f600",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert Redaction().masked(text) == text


def test_random_keys_are_found_wherever_they_stand() -> None:
    redaction = Redaction()
    for _ in range(2_000):
        key = secrets.token_urlsafe(24)
        assert key not in redaction.masked(f"user={key}, /x/{key}")


@pytest.mark.parametrize(("secret", "masked"), [("short-1", False), ("eightch1", True), ("postgres", False)])
def test_a_known_secret_is_masked_to_the_letter(secret: str, masked: bool) -> None:
    """Unless it is too short, or a word, to be told from what lines say."""
    found = Redaction([secret]).masked(f"role {secret} may not log in")
    assert found == (f"role {MASK} may not log in" if masked else f"role {secret} may not log in")


def test_a_known_secret_may_hold_signs() -> None:
    assert Redaction(["a.b*(c)[d]\\e|f"]).masked("x a.b*(c)[d]\\e|f aXb y") == f"x {MASK} aXb y"


def test_a_password_of_a_url_is_known_as_it_is_written_and_as_it_is_read() -> None:
    assert secrets_in("postgresql://u:p%40ss%2Fword@h/d") == {"p%40ss%2Fword", "p@ss/word"}
    assert secrets_in("redis://h") == set()
    assert secrets_in("http://[broken") == set()
    assert "second" in secrets_in("first, second")


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("smtp_password", True),
        ("auth_key", True),
        ("user_slug", True),
        ("webhook_url", True),
        ("SECRET_KEY", True),
        ("telegram_bot_token", True),
        ("Authorization", True),
        ("X-Auth-Key", False),
        ("check", False),
        ("delivery", False),
        ("last4", False),
        ("request", False),
    ],
)
def test_names_of_fields_tell_what_is_secret(name: str, secret: bool) -> None:
    assert names_a_secret(name) is secret


@pytest.mark.parametrize(
    "hostile",
    [
        "password=",
        "a:",
        "://",
        "/p/",
        "eyJ.",
        "postgres://",
        "'password': '\\",
        "123456:",
        "A1b" * 8 + " ",
        "@",
        "\ud800",
    ],
)
def test_time_grows_with_the_text_and_no_faster(hostile: str) -> None:
    """Ten times the text takes some ten times as long; a hundred times would be the square."""

    def taken(length: int) -> float:
        text = (hostile * length)[:length]
        began = time.process_time()
        Redaction().masked(text)
        return time.process_time() - began

    taken(1_000)
    assert taken(200_000) < 0.1 + 40 * taken(20_000)
