"""E-mail through the operator's mail server: text and HTML, with a link that ends it."""

import asyncio
import re
import socket
import ssl
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import getaddresses
from functools import cache
from typing import Any

import aiosmtplib

from ttr.channels.delivery import Delivered, Failed, FailureReason, Outcome
from ttr.channels.egress import CONNECT_SECONDS, TOTAL_SECONDS
from ttr.channels.exchange import hide
from ttr.channels.kind import Field
from ttr.channels.means import Means
from ttr.channels.wording import headline, render
from ttr.domain.alert import Event, one_line
from ttr.domain.links import Links
from ttr.domain.notification import Notification
from ttr.domain.text import within_blanks
from ttr.settings import Settings

ADDRESS_MAX = 254
SUBJECT_MAX = 200
TEXT_MAX = 8_000  # some 50 checks of a list; the rest is counted
HTML_MAX = 16_000

_UNUSUAL = re.compile(r"[\s,;:<>()\[\]\"\\]")
_FORM = within_blanks(
    r"[A-Za-z0-9.!#$%&'*+/_{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?\.){0,5}[A-Za-z]{1,20}"
)
# Begins an encoded word (RFC 2047). The email package decodes them in whatever becomes a header, line breaks and all.
_ENCODED = "=?"
_UNENCODED = "=\u2060?"
# In a header as it is written: any break but the ones of folding.
_LINE_BREAK = re.compile(rb"\r\n(?![ \t])|(?<!\r)\n|\r(?!\n)")
# "5.1.1" behind the three digits, and no part of an IP address that a server likes to quote.
_ENHANCED = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
# What a 550 says that is about us and not about the mailbox, where a server gives no code that tells.
_ABOUT_US = re.compile(
    r"relay|authent|spam|spf|dkim|dmarc|policy|block|reputation|blacklist|denied", re.IGNORECASE
)
_QUIT_SECONDS = 1.0


def read_address(text: str) -> str:
    """One mail address, its domain in lower case, judged leniently: what it is good for, only its server knows.

    Raises ValueError with a sentence.
    """
    if len(text) > ADDRESS_MAX:
        raise ValueError(f"The address is longer than {ADDRESS_MAX} characters.")
    if _UNUSUAL.search(text) or any(unicodedata.category(c)[0] == "C" for c in text):
        raise ValueError(
            "One plain address is needed, such as ops@example.org, without spaces, commas or quotes."
        )
    local, _, domain = text.rpartition("@")
    if not local or "@" in local or _ENCODED in local or not _ascii_domain(domain):
        raise ValueError("This is not a mail address such as ops@example.org.")
    return f"{local}@{domain.lower()}"


name = "email"
label = "E-mail"
about = "Every alert as a mail, which can be ended with one click by whoever gets it."
fields: tuple[Field, ...] = (
    Field(
        "email_address",
        "Address",
        read_address,
        {"type": "string", "format": "mail-address", "pattern": _FORM, "examples": ["ops@example.org"]},
        hint="One address; a mailing list's is fine.",
        placeholder="ops@example.org",
    ),
)
events_max = 1_000
signs = False
confirms = True


def missing(settings: Settings) -> str:
    """A mail server, a sender, and a base for the link that ends the mails."""
    if not settings.smtp_host:
        return "E-mail needs a mail server: the operator has to set SMTP_HOST."
    if not settings.smtp_from:
        return "E-mail needs a sender: the operator has to set SMTP_FROM."
    if _sender(settings.smtp_from) is None:
        return "E-mail needs a sender: the operator has to set SMTP_FROM to one plain address."
    if not settings.pages_url:
        return "E-mail needs a link to unsubscribe: the operator has to set PUBLIC_URL."
    return ""


def destination(settings: Mapping[str, str], secrets: Mapping[str, str]) -> str:
    """The address, in lower case."""
    return settings["email_address"].lower()


async def send(
    notification: Notification,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    *,
    means: Means,
    now: int,
) -> Outcome:
    """Hand the mail to the operator's server once; see `Kind.send`."""
    ours = means.settings
    sender = _sender(ours.smtp_from or "")
    if lack := missing(ours):
        return Failed("bad_settings", lack, permanent=False)
    try:
        recipient = _address(read_address(settings.get("email_address", "")))
    except ValueError as error:
        return Failed("bad_settings", str(error), permanent=True)
    assert sender is not None  # noqa: S101  # `missing` has said so
    # A list of a thousand checks takes some 300 ms to word and cut, during which others' alerts go on.
    try:
        told = replace(notification, reader=destination(settings, secrets))
        mail = await asyncio.to_thread(_mail, told, sender, recipient, means.links)
    except _BrokenHeader as error:
        return Failed(
            "bad_settings", f"The mail's header {error} can't be written on one line", permanent=True
        )
    return await _Hop(ours).carry(mail, sender.addr_spec, recipient.addr_spec)


async def try_server(settings: Settings) -> str:
    """What keeps us out of the mail server of the settings, which are complete; "" for nothing."""
    return await _Hop(settings).knock()


class _BrokenHeader(ValueError):
    """The value of the header it names has a line break in it."""


class _Policy(EmailPolicy):
    """Leaves ids and links in one piece: folded, they would be encoded, and then nobody finds them."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in ("list-unsubscribe", "references", "in-reply-to", "message-id"):
            return f"{name}: {value}\r\n".encode("ascii")
        return super().fold_binary(name, value)


def _mail(notification: Notification, sender: Address, recipient: Address, links: Links) -> bytes:
    """The whole mail, the same on every attempt. All of it is ASCII, save an address that can't be.

    Raises _BrokenHeader with a header's name if its value would begin another one.
    """
    unsubscribe = links.unsubscribe(notification.user_id, notification.channel_id, notification.reader)
    host = sender.domain
    mail = EmailMessage(_Policy(linesep="\r\n", cte_type="7bit", utf8=not recipient.username.isascii()))
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = one_line(headline(notification), SUBJECT_MAX).replace(_ENCODED, _UNENCODED)
    mail["Date"] = datetime.fromtimestamp(notification.events[-1].at // 1000, UTC)
    mail["Message-ID"] = f"<{notification.id}@{host}>"
    if thread := _thread(notification.events):
        mail["In-Reply-To"] = mail["References"] = f"<{thread}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Unsubscribe"] = f"<{unsubscribe}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(render("email.txt", notification, links, limit=TEXT_MAX) + "\n", cte="quoted-printable")
    mail.add_alternative(
        render("email.html", notification, links, limit=HTML_MAX) + "\n",
        subtype="html",
        cte="quoted-printable",
    )
    # "=_" can't stand in quoted-printable text, so no output of a job can end its part.
    mail.set_boundary(f"=_ttr-{notification.id}")
    for name, value in mail.raw_items():
        # Not the value itself: encoded words in an address are decoded as late as here.
        if _LINE_BREAK.search(mail.policy.fold_binary(name, value).removesuffix(b"\r\n")):
            raise _BrokenHeader(name)
    return mail.as_bytes()


def _thread(events: tuple[Event, ...]) -> str:
    """What the mails about one failure of one check have in common; "" if these are about several."""
    first = events[0]
    if not first.check_id or any(event.check_id != first.check_id for event in events):
        return ""
    if first.kind not in ("down", "reminder", "up"):
        return f"check-{first.check_id}"
    return f"check-{first.check_id}-{first.at if first.down_since is None else first.down_since}"


class _Hop:
    """One conversation with the operator's mail server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        sender = _sender(settings.smtp_from or "")
        self._smtp = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            # The default asks name servers for our own name, which may take longer than all the rest.
            local_hostname=sender.domain if sender else "localhost",
            timeout=TOTAL_SECONDS,
            use_tls=settings.smtp_security == "tls",
            start_tls=False,
            tls_context=_tls_context() if settings.smtp_security != "none" else None,
        )
        self._step = "the greeting"

    async def carry(self, mail: bytes, sender: str, recipient: str) -> Outcome:
        """Give the mail over within 10 s. Nothing is raised for what the server says or leaves unsaid."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                await self._enter()
                utf8 = not recipient.isascii()
                if utf8 and not self._smtp.supports_extension("smtputf8"):
                    raise aiosmtplib.SMTPNotSupported("SMTPUTF8")
                self._step = "the sender"
                await self._smtp.mail(
                    sender, options=["SMTPUTF8"] if utf8 else [], encoding="utf-8" if utf8 else "ascii"
                )
                self._step = "the address"
                await self._smtp.rcpt(recipient, encoding="utf-8" if utf8 else "ascii")
                self._step = "the mail"
                answer = await self._smtp.data(mail)
            outcome: Outcome = Delivered(f"Mail server took it: {answer.code}", answer.code)
        except aiosmtplib.SMTPResponseException as refusal:
            outcome = self._refused(refusal.code, refusal.message)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self._smtp.close()
            return self._lost(error)
        await self._leave()
        return outcome

    async def knock(self) -> str:
        """Greet the server and log in, within 10 s, and send nothing; what was in the way, "" for nothing."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                await self._enter()
        except aiosmtplib.SMTPResponseException as refusal:
            trouble = f"it answered {refusal.code} to {self._step}"
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self._smtp.close()
            return f"{self._step} failed ({type(error).__name__})"
        else:
            trouble = ""
        await self._leave()
        return trouble

    async def _enter(self) -> None:
        ours = self._settings
        await self._smtp.connect(timeout=CONNECT_SECONDS)
        self._step = "EHLO"
        await self._smtp.ehlo()
        if ours.smtp_security == "starttls":
            self._step = "STARTTLS"
            await self._smtp.starttls()
            await self._smtp.ehlo()
        if ours.smtp_user:
            self._step = "the login"
            await self._login(ours.smtp_user, ours.smtp_password or "")

    async def _login(self, user: str, password: str) -> None:
        """By one method only: a server that says no takes its time, and locks out who asks again and again."""
        known = self._smtp.server_auth_methods
        if "plain" in known:
            await self._smtp.auth_plain(user, password)
        elif "login" in known:
            await self._smtp.auth_login(user, password)
        else:
            await self._smtp.login(user, password)

    async def _leave(self) -> None:
        """Say good-bye if that is quick; the mail is given over or not, whatever comes of it."""
        if self._smtp.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._smtp.quit(timeout=_QUIT_SECONDS)
        self._smtp.close()

    def _refused(self, code: int, text: str) -> Failed:
        """What an answer that isn't 2xx stands for. What is about us is our operator's to mend: we try again."""
        if not 400 <= code < 600:
            return Failed("response_broken", "The mail server's answer is not valid SMTP", False)
        said = f"Mail server answered {code} to {self._step}"
        if self._step not in ("the address", "the mail"):
            # No text: it may quote the operator's user name or network.
            reason: FailureReason = "server_error" if code < 500 else "bad_settings"
            return Failed(reason, f"{said}; that is for the operator of this installation", False, None, code)
        words = hide(
            text, [value for value in (self._settings.smtp_user, self._settings.smtp_password) if value]
        )
        detail = f"{said}: {words}" if words else said
        if code < 500:
            return Failed("server_error", detail, False, None, code)
        match _meaning(code, text, self._step):
            case "unknown":
                return Failed("gone", detail, True, None, code)
            case "full":
                return Failed("server_error", detail, False, None, code)
            case "us":
                mend = (
                    "the mail server does not take mail from this installation; its operator has to mend that"
                )
                return Failed("bad_settings", f"{said}: {mend}", False, None, code)
            case _:
                return Failed("rejected", detail, True, None, code)

    def _lost(self, error: Exception) -> Failed:
        """Why there was no answer. Never in the error's own words, which name the operator's server."""
        cause = error.__cause__ or error
        where = "the mail server of this installation"
        if isinstance(cause, ssl.SSLError):
            return Failed("tls_failed", f"No secure connection to {where}", False)
        if isinstance(error, aiosmtplib.SMTPConnectTimeoutError):
            return Failed("timeout", f"No connection to {where} within {CONNECT_SECONDS:g} s", False)
        if isinstance(error, TimeoutError):
            return Failed("timeout", f"No answer from {where} within {TOTAL_SECONDS:g} s", False)
        if isinstance(cause, socket.gaierror):
            return Failed("dns_failed", f"The name of {where} was not found", False)
        if isinstance(error, aiosmtplib.SMTPNotSupported):
            return Failed("rejected", f"{where.capitalize()} takes no address with such letters", True)
        if isinstance(error, ValueError):
            return Failed("bad_settings", "The address can't be used: check how it is written", True)
        if isinstance(error, aiosmtplib.SMTPConnectError):
            return Failed("connect_failed", f"No connection to {where}", False)
        if isinstance(error, OSError):
            return Failed("response_broken", f"{where.capitalize()} closed the connection", False)
        why = "offers no secure connection" if self._step == "STARTTLS" else "takes no login"
        return Failed("bad_settings", f"{where.capitalize()} {why}; that is for its operator", False)


def _meaning(code: int, text: str, step: str) -> str:
    """What a 5xx to a mailbox or a mail is about: "unknown" mailbox, "full", "us", or "" for the mail itself.

    The enhanced code counts if there is one (RFC 3463), for many servers say 550 to everything.
    """
    found = _ENHANCED.search(text)
    if found:
        _, subject, detail = found[0].split(".")
        if (subject, detail) in (("1", "7"), ("1", "8")) or subject == "7" or subject in ("3", "4", "5"):
            return "us"
        if (subject, detail) == ("2", "2"):
            return "full"
        if subject == "1" or (subject, detail) == ("2", "1"):
            return "unknown"
        return ""
    if code in (530, 535, 538, 554) or (code in (550, 551, 553) and _ABOUT_US.search(text)):
        return "us"
    if code == 552:
        return "full" if step == "the address" else ""
    return "unknown" if step == "the address" and code in (521, 550, 551, 553, 556) else ""


def _sender(text: str) -> Address | None:
    """SMTP_FROM, such as `ttr <alerts@example.org>`; None if it is no plain ASCII address."""
    found = getaddresses([one_line(text, 1_000)])
    try:
        [(shown, spec)] = found
        address = _address(read_address(spec))
    except ValueError:
        return None
    return Address(shown, address.username, address.domain) if address.username.isascii() else None


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(username=local, domain=_ascii_domain(domain))


def _ascii_domain(domain: str) -> str:
    """The domain as the protocol writes it; "" if it can't be one."""
    try:
        written = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return written if re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", written) else ""


@cache
def _tls_context() -> ssl.SSLContext:
    # Reading the system's certificates takes some 20 ms, so once a process.
    return ssl.create_default_context()
