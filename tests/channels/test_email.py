"""E-mail through a real SMTP server on loopback, and through one that answers whatever a test wants."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest

from tests.channels.hostile import DOWN, NASTY, about, many
from tests.channels.post import part, post_office
from tests.channels.tls import certificate
from ttr.channels import KINDS, ChannelError
from ttr.channels import email as kind
from ttr.channels.delivery import Delivered, Failed, Outcome
from ttr.channels.egress import open_session
from ttr.channels.kind import read_fields
from ttr.channels.means import Means
from ttr.domain.alert import Event
from ttr.domain.links import Links, address_number, read_link
from ttr.domain.notification import Notification
from ttr.settings import Settings

NOW = 1_795_359_600_750
EMAIL = KINDS["email"]
US = "the mail server of this installation"


@asynccontextmanager
async def scripted(
    *answers: str | None, greeting: str | None = "220 hello", delay: float = 0.0
) -> AsyncIterator[tuple[int, list[str]]]:
    """A server that gives one answer after the other, and hangs at None; and the commands that it was given."""
    heard: list[str] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            for answer in (greeting, *answers):
                if answer is None:
                    await reader.read()
                    break
                await asyncio.sleep(delay)
                writer.write(answer.replace("\n", "\r\n").encode() + b"\r\n")
                line = await reader.readuntil(b"\r\n.\r\n" if answer.startswith("354") else b"\r\n")
                heard.append(line.decode()[-200:].strip())
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has left
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 10)


def configured(port: int, **changes: Any) -> Settings:
    settings = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "smtp_from": "ttr <alerts@ttr.example>",
        "public_url": "https://ttr.example",
    }
    return Settings(**{**settings, **changes})


async def send(
    settings: Settings, notification: Notification | None = None, to: str = "Ops@Example.org"
) -> Outcome:
    async with open_session(()) as session:
        means = Means(session, session, Links(settings.pages_url, "key"), settings)
        told = notification or about(DOWN)
        return await EMAIL.send(told, {"email_address": to}, {}, means=means, now=NOW)


async def arrived(notification: Notification, **changes: Any) -> EmailMessage:
    """The one mail that a real server gets."""
    async with post_office() as (post, port):
        assert await send(configured(port, **changes), notification) == Delivered(
            "Mail server took it: 250", 250
        )
    [mail] = post.mails
    return mail


async def test_a_mail_has_what_filters_threads_and_readers_need() -> None:
    event = replace(DOWN, output="last words", description="Dumps the database.", may_acknowledge=True)
    told = about(event, others=("web",), others_count=3)
    async with post_office() as (post, port):
        assert await send(configured(port), told) == Delivered("Mail server took it: 250", 250)
    [envelope], [mail] = post.envelopes, post.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("alerts@ttr.example", ["Ops@example.org"])
    assert cast(bytes, envelope.content).isascii()
    text, html = part(mail, "plain"), part(mail, "html")
    for words in (
        '"nightly backup" has been down since 2026-11-22 15:00:00 UTC: it reported a failure.',
        "Dumps the database.",
        "last words",
        "Also down now: web and 2 more",
        "https://ttr.example/checks/7",
        "https://ttr.example/acknowledge/",
        "https://ttr.example/unsubscribe/",
    ):
        assert words in text
        assert words in html
    assert "\n    last words\n" in text


async def test_the_headers_are_exactly_these() -> None:
    mail = await arrived(about(DOWN))
    assert {name: str(value) for name, value in mail.items()} == {
        "From": "ttr <alerts@ttr.example>",
        "To": "Ops@example.org",
        "Subject": '"nightly backup" is down',
        "Date": "Sun, 22 Nov 2026 15:00:00 +0000",
        "Message-ID": "<3-9@ttr.example>",
        "In-Reply-To": "<check-7-1795359600000@ttr.example>",
        "References": "<check-7-1795359600000@ttr.example>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": f"<{Links('https://ttr.example', 'key').unsubscribe(3, 5, 'ops@example.org')}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=_ttr-3-9"',
    }


async def test_a_long_link_to_unsubscribe_stays_in_one_piece() -> None:
    base = "https://" + "a-very-long-label." * 8 + "example"
    mail = await arrived(about(DOWN), public_url=base)
    address = str(mail["List-Unsubscribe"])
    assert address.startswith(f"<{base}/unsubscribe/")
    token = address.rpartition("/")[2].removesuffix(">")
    assert read_link("key", "unsubscribe", token, 3) == [3, 5, address_number("ops@example.org")]
    async with post_office() as (post, port):
        await send(configured(port, public_url=base))
    assert f"List-Unsubscribe: {address}\r\n".encode() in cast(bytes, post.envelopes[0].content)


async def test_every_attempt_is_the_same_mail() -> None:
    async with post_office() as (post, port):
        for _ in range(2):
            await send(configured(port), about(NASTY, DOWN, others=("x",), others_count=2))
    first, second = post.envelopes
    assert first.content == second.content


async def test_a_failure_its_reminder_and_its_end_are_one_thread() -> None:
    reminder = replace(DOWN, kind="reminder", at=DOWN.at + 60_000, down_since=DOWN.at, reminders=1)
    up = replace(DOWN, kind="up", at=DOWN.at + 90_000, down_since=DOWN.at, reason="")
    again = replace(DOWN, at=DOWN.at + 200_000)
    threads = [(await arrived(about(event)))["References"] for event in (DOWN, reminder, up, again)]
    assert threads[0] == threads[1] == threads[2] != threads[3]
    assert (await arrived(many(2, DOWN)))["References"] is None


async def test_no_word_of_an_attacker_leaves_its_place() -> None:
    boundary = "--=_ttr-3-9"
    name = 'x"\r\nBcc: victim@example.com\r\n\r\n<b>\x00\u202e\ud800 \U0001f600'
    nasty = replace(
        NASTY,
        check_name=name,
        output=f"{boundary}\n{boundary}--\nContent-Type: text/html\n\n</pre><script>x</script>\n.\nQUIT",
        description=f"{boundary} <img src=x>",
    )
    async with post_office() as (post, port):
        assert isinstance(await send(configured(port), about(nasty)), Delivered)
    [envelope], [mail] = post.envelopes, post.mails
    assert envelope.rcpt_tos == ["Ops@example.org"]
    assert mail["Bcc"] is None
    assert "\n" not in str(mail["Subject"])
    assert str(mail["Subject"]).startswith('"x"')
    assert [one.get_content_type() for one in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    html = part(mail, "html")
    assert "&lt;script&gt;x&lt;\u2060/script&gt;" in html
    assert "QUIT" in html
    assert Tags(html).names <= set("html head meta title body div h1 p a pre".split())
    assert all(link.startswith("https://ttr.example/") for link in Tags(html).links)


INJECTED = "\r\nReply-To: e@evil.example\r\n\r\nbody"
ENCODED = f"=?utf-8?b?{base64.b64encode(INJECTED.encode()).decode()}?="


@pytest.mark.parametrize(
    "name", [ENCODED, f"x {ENCODED} y", ENCODED.upper(), "=?utf-8?q?=0D=0AReply-To:=20e?="]
)
async def test_an_encoded_word_in_a_name_stays_a_word(name: str) -> None:
    async with post_office() as (post, port):
        assert isinstance(await send(configured(port), about(replace(DOWN, check_name=name))), Delivered)
    [envelope], [mail] = post.envelopes, post.mails
    assert mail["Reply-To"] is None
    assert str(mail["Subject"]).replace("\u2060", "") == f'"{name}" is down'
    assert [one.get_content_type() for one in mail.walk()][1:] == ["text/plain", "text/html"]
    assert b"\r\nReply-To" not in cast(bytes, envelope.content)


async def test_an_encoded_word_in_an_address_is_no_address() -> None:
    with pytest.raises(ChannelError):
        read_fields(EMAIL, {"email_address": f"{ENCODED}@x.example"})
    outcome = await send(configured(1), to=f"{ENCODED}@x.example")
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("bad_settings", True)


async def test_a_header_with_a_line_break_is_never_sent() -> None:
    async with post_office() as (post, port):
        outcome = await send(configured(port, smtp_from=f"{ENCODED} <alerts@ttr.example>"))
    assert outcome == Failed("bad_settings", "The mail's header From can't be written on one line", True)
    assert post.mails == []


async def test_nothing_that_a_job_prints_becomes_a_link_in_a_mail() -> None:
    output = "get https://evil.example/x\n  www.evil.example\n\nMAILTO:me@evil.example mailto:x"
    mail = await arrived(about(replace(DOWN, output=output)))
    for subtype in ("plain", "html"):
        words = part(mail, subtype)
        for found in ("https://evil", "evil.example", "www.", "@evil", "mailto:", "MAILTO:"):
            assert found not in words
    assert "\n    get https:\u2060/\u2060/evil\u2060.example/x\n      www\u2060.evil" in part(mail, "plain")
    assert "get https:\u2060/\u2060/evil\u2060.example/x\n  www\u2060.evil" in part(mail, "html")


async def test_a_runbook_is_a_link_in_a_mail_and_keeps_its_lines() -> None:
    mail = await arrived(about(replace(DOWN, description="Ask Ann.\nhttps://wiki.example/a?b=1&c=2")))
    assert "About it: Ask Ann.\nhttps://wiki.example/a?b=1&c=2\n" in part(mail, "plain")
    html = part(mail, "html")
    assert "Ask Ann.<br>\n<a href=" in html
    assert "https://wiki.example/a?b=1&c=2" in Tags(html).links


class Tags(HTMLParser):
    """The tags of a document and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        assert {name for name, _ in attrs} <= {"href", "style", "lang", "charset", "name", "content"}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("count", [2, 40, EMAIL.events_max])
async def test_many_checks_are_one_mail_of_a_bounded_size(count: int) -> None:
    mail = await arrived(many(count))
    assert str(mail["Subject"]) == f"{count} checks are down"
    text, html = part(mail, "plain"), part(mail, "html")
    assert len(text) <= kind.TEXT_MAX + 10
    assert len(html) <= kind.HTML_MAX + 10
    assert Tags(html).open == []
    assert "https://ttr.example/dashboard" in text
    assert "https://ttr.example/unsubscribe/" in text
    assert "https://ttr.example/unsubscribe/" in html


async def test_every_kind_of_event_can_be_mailed() -> None:
    for event in (
        replace(DOWN, kind="up", down_since=DOWN.at - 60_000),
        replace(DOWN, kind="flapping", flips=6),
        replace(DOWN, kind="settled", status="up", flips=9),
        replace(DOWN, kind="test", check_id=0, check_name="", queued=True),
        replace(
            DOWN, kind="channel_off", check_id=0, check_name="", channel_name="chat", reason_detail="gone"
        ),
    ):
        mail = await arrived(about(event))
        assert mail["Subject"]
        assert part(mail, "plain").count("https://ttr.example/unsubscribe/") == 1


@pytest.mark.parametrize(
    ("to", "envelope"),
    [
        ("ops@b\u00fccher.example", "ops@xn--bcher-kva.example"),
        ("a..b+c=d/e@localhost", "a..b+c=d/e@localhost"),
        ("o'brien@example.org", "o'brien@example.org"),
    ],
)
async def test_an_odd_address_reaches_the_server(to: str, envelope: str) -> None:
    async with post_office() as (post, port):
        assert isinstance(await send(configured(port), to=to), Delivered)
    assert post.envelopes[0].rcpt_tos == [envelope]


async def test_letters_beyond_ascii_in_a_mailbox_need_a_server_that_takes_them() -> None:
    async with post_office(enable_SMTPUTF8=True) as (post, port):
        assert isinstance(await send(configured(port), to="b\u00fccher@example.org"), Delivered)
        assert isinstance(await send(configured(port)), Delivered)
    assert post.envelopes[0].rcpt_tos == ["b\u00fccher@example.org"]
    assert [one.smtp_utf8 for one in post.envelopes] == [True, False]
    async with scripted("250 plain", "221 bye") as (port, _):
        assert await send(configured(port), to="b\u00fccher@example.org") == Failed(
            "rejected", "The mail server of this installation takes no address with such letters", True
        )


async def test_starttls_and_a_login_come_before_the_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.path))
    kind._tls_context.cache_clear()
    login = {"smtp_security": "starttls", "smtp_user": "ttr", "smtp_password": "hunter2"}
    options: dict[str, Any] = {"tls_context": ours.server, "require_starttls": True, "auth_required": True}
    try:
        async with post_office(**options) as (post, port):
            assert isinstance(await send(configured(port, **login)), Delivered)
            denied = await send(configured(port, **{**login, "smtp_password": "s3cr3t"}))
        async with post_office(tls=ours.server) as (tls_post, port):
            assert isinstance(await send(configured(port, smtp_security="tls")), Delivered)
    finally:
        kind._tls_context.cache_clear()
    assert set(post.logins) == {("ttr", "hunter2"), ("ttr", "s3cr3t")}
    assert denied == Failed(
        "bad_settings",
        "Mail server answered 535 to the login; that is for the operator of this installation",
        permanent=False,
        status=535,
    )
    assert len(post.mails) == len(tls_post.mails) == 1


async def test_a_certificate_that_nobody_vouches_for_gets_no_mail_and_no_password(tmp_path: Path) -> None:
    ours = certificate(tmp_path)
    kind._tls_context.cache_clear()
    login = {"smtp_user": "ttr", "smtp_password": "hunter2"}
    async with post_office(tls_context=ours.server) as (post, port):
        refused = await send(configured(port, smtp_security="starttls", **login))
    async with post_office(tls=ours.server) as (tls_post, port):
        also = await send(configured(port, smtp_security="tls", **login))
    assert refused == also == Failed("tls_failed", f"No secure connection to {US}", permanent=False)
    assert post.logins + tls_post.logins == []


async def test_a_server_without_starttls_gets_no_password() -> None:
    async with scripted("250 plain", "221 bye") as (port, heard):
        outcome = await send(
            configured(port, smtp_security="starttls", smtp_user="u", smtp_password="hunter2")
        )
    assert outcome == Failed(
        "bad_settings",
        "The mail server of this installation offers no secure connection; that is for its operator",
        False,
    )
    assert not any(line.startswith(("AUTH", "MAIL")) for line in heard)


HELLO, OK, GO = "250 ok", "250 fine", "354 go"


@pytest.mark.parametrize(
    ("answer", "reason", "permanent"),
    [
        ("550 5.1.1 <ops@example.org>: no such user", "gone", True),
        ("550 sorry, no mailbox here by that name", "gone", True),
        ("550-5.1.1 The account does not exist.\n550 5.1.1 Check for typos", "gone", True),
        ("551 User not local", "gone", True),
        ("550 no such user at 10.5.1.7", "gone", True),
        ("553 5.1.3 bad syntax", "gone", True),
        ("553 unknown", "gone", True),
        ("556 5.1.10 domain takes no mail", "gone", True),
        ("550 5.2.1 mailbox disabled", "gone", True),
        ("552 5.2.2 mailbox full", "server_error", False),
        ("452 4.2.2 mailbox full", "server_error", False),
        ("450 4.2.0 greylisted, come back", "server_error", False),
        ("451 local error", "server_error", False),
        ("421 4.7.0 too many connections", "server_error", False),
        ("454 4.7.1 relay access denied", "server_error", False),
        ("554 5.7.1 <ops@example.org>: Relay access denied", "bad_settings", False),
        ("550 5.7.1 relaying denied", "bad_settings", False),
        ("550 Relaying not allowed", "bad_settings", False),
        ("550 5.1.8 sender address rejected", "bad_settings", False),
        ("550 blocked, see 5.9.1.2", "bad_settings", False),
        ("530 5.7.0 authentication required", "bad_settings", False),
        ("554 no", "bad_settings", False),
        ("501 bad arguments", "rejected", True),
        ("999 what", "response_broken", False),
        ("hello there", "response_broken", False),
    ],
)
async def test_what_a_server_says_of_the_address_has_its_reason(
    answer: str, reason: str, permanent: bool
) -> None:
    async with scripted(HELLO, OK, answer, "221 bye") as (port, _):
        outcome = await send(configured(port))
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == (reason, permanent), outcome
    if reason != "response_broken":
        assert outcome.status == int(answer[:3])
        assert outcome.detail.startswith(f"Mail server answered {answer[:3]} to the address")


@pytest.mark.parametrize(
    ("answer", "reason", "permanent"),
    [
        ("554 5.6.0 looks bad", "rejected", True),
        ("550 5.7.1 SPF check failed", "bad_settings", False),
        ("554 no", "bad_settings", False),
        ("552 too large", "rejected", True),
        ("550 no", "rejected", True),
        ("550 5.1.1 unknown after all", "gone", True),
        ("451 4.3.0 try later", "server_error", False),
        ("421 closing", "server_error", False),
    ],
)
async def test_what_a_server_says_of_the_mail_has_its_reason(
    answer: str, reason: str, permanent: bool
) -> None:
    async with scripted(HELLO, OK, OK, GO, answer, "221 bye") as (port, _):
        outcome = await send(configured(port))
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent, outcome.status) == (reason, permanent, int(answer[:3]))


@pytest.mark.parametrize(
    ("script", "greeting", "expected"),
    [
        ((), "554 go away s3cr3t", ("bad_settings", 554, "the greeting")),
        ((), "421 busy", ("server_error", 421, "the greeting")),
        (("502 no", "502 no"), "220 hi", ("bad_settings", 502, "EHLO")),
        (
            (HELLO, "553 5.7.1 not your sender s3cr3t", "221 bye"),
            "220 hi",
            ("bad_settings", 553, "the sender"),
        ),
        ((HELLO, "451 later", "221 bye"), "220 hi", ("server_error", 451, "the sender")),
    ],
)
async def test_what_is_the_operators_fault_turns_no_channel_off(
    script: tuple[str, ...], greeting: str, expected: tuple[str, int, str]
) -> None:
    async with scripted(*script, greeting=greeting) as (port, _):
        outcome = await send(configured(port))
    reason, status, step = expected
    assert outcome == Failed(
        cast(Any, reason),
        f"Mail server answered {status} to {step}; that is for the operator of this installation",
        permanent=False,
        status=status,
    )


@pytest.mark.parametrize(
    "script",
    [(None,), (HELLO, None), (HELLO, OK, None), (HELLO, OK, OK, None), (HELLO, OK, OK, GO, None)],
    ids=["EHLO", "MAIL", "RCPT", "DATA", "end"],
)
async def test_a_server_that_hangs_is_left_in_time(
    script: tuple[str | None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "TOTAL_SECONDS", 0.4)
    async with scripted(*script) as (port, _):
        outcome = await send(configured(port))
    assert outcome == Failed("timeout", f"No answer from {US} within 0.4 s", permanent=False)


async def test_a_server_that_never_greets_is_left_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "CONNECT_SECONDS", 0.2)
    async with scripted(greeting=None) as (port, _):
        outcome = await send(configured(port))
    assert outcome == Failed("timeout", f"No connection to {US} within 0.2 s", permanent=False)


async def test_a_mail_that_was_taken_stays_taken_if_the_good_bye_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kind, "_QUIT_SECONDS", 0.1)
    async with scripted(HELLO, OK, OK, GO, "250 taken", None) as (port, heard):
        async with asyncio.timeout(5):  # half of what a conversation may take
            assert await send(configured(port)) == Delivered("Mail server took it: 250", 250)
    assert heard[-1] == "QUIT"


async def test_a_server_that_is_slow_at_every_step_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "TOTAL_SECONDS", 0.6)

    async with scripted(HELLO, OK, OK, GO, OK, "221 bye", delay=0.25) as (port, _):
        outcome = await send(configured(port))
    assert outcome == Failed("timeout", f"No answer from {US} within 0.6 s", permanent=False)


async def test_a_server_that_hangs_up_or_is_not_there_may_come_back() -> None:
    async with scripted(HELLO) as (port, _):
        assert await send(configured(port)) == Failed(
            "response_broken", "The mail server of this installation closed the connection", permanent=False
        )
    assert await send(configured(port)) == Failed("connect_failed", f"No connection to {US}", permanent=False)
    assert await send(configured(port, smtp_host="nowhere.invalid")) == Failed(
        "dns_failed", f"The name of {US} was not found", permanent=False
    )


async def test_the_operators_password_is_never_repeated() -> None:
    login = {"smtp_user": "operator-name", "smtp_password": "hunter2"}
    extensions = "250-ok\n250 AUTH PLAIN"
    script = (extensions, "235 in", OK, "550 5.1.1 no operator-name/hunter2 here", "221 bye")
    async with scripted(*script) as (port, _):
        gone = await send(configured(port, **login))
    async with scripted(extensions, "535 5.7.8 bad hunter2 for operator-name", "221 bye") as (port, _):
        denied = await send(configured(port, **login))
    for outcome in (gone, denied):
        assert "hunter2" not in repr(outcome)
        assert "operator-name" not in repr(outcome)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"smtp_host": None}, "SMTP_HOST"),
        ({"smtp_from": None}, "SMTP_FROM"),
        ({"smtp_from": "nobody"}, "SMTP_FROM"),
        ({"smtp_from": "a@x.example, b@x.example\r\nBcc: c@x.example"}, "SMTP_FROM"),
        ({"public_url": None, "ttr_env": "production"}, "PUBLIC_URL"),
    ],
)
async def test_the_operator_is_told_what_is_missing(changes: dict[str, Any], named: str) -> None:
    settings = configured(1, **changes)
    sentence = EMAIL.missing(settings)
    assert named in sentence
    assert await send(settings) == Failed("bad_settings", sentence, permanent=False)


def test_nothing_is_missing_where_all_is_set() -> None:
    assert EMAIL.missing(configured(25)) == ""
    assert EMAIL.missing(configured(25, public_url=None)) == ""


def test_the_address_is_open_and_counts_in_lower_case() -> None:
    given = {"email_address": "  Ops@EXAMPLE.org "}
    assert read_fields(EMAIL, given) == ({"email_address": "Ops@example.org"}, {})
    assert EMAIL.destination({"email_address": "Ops@Example.org"}, {}) == "ops@example.org"
    assert read_fields(EMAIL, {"email_address": None}) == ({"email_address": ""}, {})


@pytest.mark.parametrize(
    "address",
    [
        "ops",
        "@example.org",
        "ops@",
        "ops@@example.org",
        "a b@example.org",
        "a@example.org,b@example.org",
        "a@example.org;b@example.org",
        "ops@exam\nple.org",
        "ops@example.org\r\nRCPT TO:<x@y.example>",
        "Ops <ops@example.org>",
        '"a b"@example.org',
        "ops@[127.0.0.1]",
        "ops@exa\x00mple.org",
        "ops@exa\u200bmple.org",
        "ops@.",
        "ops@a..b",
        "ops@" + "a" * 64 + ".example",
        "o" * 250 + "@x.example",
        "ops@ex_ample.org/x",
        "=?utf-8?b?eA0KQmNjOiBl?=@x.example",
        "a=?b@x.example",
    ],
)
def test_what_is_no_single_address_is_refused(address: str) -> None:
    with pytest.raises(ChannelError) as caught:
        read_fields(EMAIL, {"email_address": address})
    assert caught.value.field == "email_address"


async def test_a_stored_address_that_is_none_is_a_bad_setting() -> None:
    outcome = await send(configured(1), to="a@b.example\r\nx")
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.permanent) == ("bad_settings", True)


async def test_the_question_whether_an_address_agrees_says_nothing_of_who_asks() -> None:
    event = Event("q5-1", "confirm", NOW, 0, "", reason_detail="ops@example.org")
    asked = Notification("q5-1", 3, 5, "You won! evil.example", (event,))
    mail = await arrived(asked)
    links = Links("https://ttr.example", "key")
    link = links.confirm(3, 5, "ops@example.org")
    assert mail["Subject"] == "May alerts be sent to this address?"
    assert mail["List-Unsubscribe"] == f"<{links.unsubscribe(3, 5, 'ops@example.org')}>"
    for subtype in ("plain", "html"):
        words = part(mail, subtype)
        assert "Somebody wants ttr.example, which watches scheduled jobs, to send its alerts" in words
        assert "If you did not ask for this, ignore it" in words
        assert words.count(link) == 1
        assert "Refuse" in words
    assert "You won" not in mail.as_string()
    token = link.rpartition("/")[2]
    assert read_link("key", "confirm", token, 3) == [3, 5, address_number("ops@example.org")]
    assert address_number("ops@example.org") != address_number("dev@example.org")
