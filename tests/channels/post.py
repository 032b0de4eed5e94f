"""A real mail server on loopback that keeps what arrives."""

import asyncio
import email
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, cast

from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session


class Post:
    """A post office: keeps what arrives."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.logins: list[tuple[str, str]] = []

    async def handle_DATA(self, server: object, session: Session, envelope: Envelope) -> str:  # noqa: N802  # the name aiosmtpd calls
        self.envelopes.append(envelope)
        return "250 2.0.0 Kept"

    def login(self, server: object, session: Session, envelope: Envelope, how: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"hunter2", handled=False)

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(cast(bytes, one.content), policy=SMTP) for one in self.envelopes]


@asynccontextmanager
async def post_office(
    *, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[tuple[Post, int]]:
    """A real server on a free port of 127.0.0.1, and what it has got. `tls`: from the first byte on."""
    post = Post()
    loop = asyncio.get_running_loop()
    made: list[aiosmtpd.SMTP] = []

    def serve() -> aiosmtpd.SMTP:
        made.append(
            aiosmtpd.SMTP(post, hostname="ttr.example", loop=loop, authenticator=post.login, **options)
        )
        return made[-1]

    server = await loop.create_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield post, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in made:
            if one.transport is not None:
                cast(asyncio.Transport, one.transport).abort()


def part(mail: EmailMessage, subtype: str) -> str:
    """The mail's text or its HTML, with plain line ends."""
    found = mail.get_body((subtype,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")
