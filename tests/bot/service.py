"""Telegram's Bot API on loopback, as a bot meets it: messages that wait to be asked for, and answers that it judges."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.telegram import BOT, TOKEN

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class BotService:
    """What people wrote, what the bot sent, and how it is treated. `answers` are given first, one a call."""

    url: str = ""
    name: str = BOT
    updates: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    answers: dict[str, deque[Answer]] = field(default_factory=dict)
    asking: int = 0
    """Long polls that are open now."""
    most_asking: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def write(self, *updates: dict[str, Any]) -> None:
        """Let people write."""
        async with self.changed:
            self.updates += updates
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until something has come."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(condition)

    def next(self, method: str, *answers: Answer) -> None:
        """What the next calls of a method are answered."""
        self.answers.setdefault(method, deque()).extend(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        token, _, method = request.path.removeprefix("/bot").partition("/")
        try:
            if token != TOKEN:
                return no(401, "Unauthorized")
            if waiting := self.answers.get(method):
                return await waiting.popleft()(request)
            return await getattr(self, f"_{method}")(body)
        finally:
            async with self.changed:
                self.calls.append(method)
                self.changed.notify_all()

    async def _getMe(self, _: dict[str, Any]) -> web.Response:  # noqa: N802
        return yes({"id": 1234, "is_bot": True, "username": self.name})

    async def _getUpdates(self, body: dict[str, Any]) -> web.Response:  # noqa: N802
        self.asked.append(body)
        assert body["allowed_updates"] == ["message"]
        assert 1 <= body["limit"] <= 100
        if body["offset"] > 0:
            self.updates = [update for update in self.updates if update["update_id"] >= body["offset"]]
        self.asking += 1
        self.most_asking = max(self.most_asking, self.asking)
        try:
            async with self.changed:
                self.changed.notify_all()
                async with asyncio.timeout(body["timeout"]):
                    await self.changed.wait_for(lambda: bool(self.updates))
        except TimeoutError:
            pass
        finally:
            self.asking -= 1
        return yes(self.updates[: body["limit"]])

    async def _sendMessage(self, body: dict[str, Any]) -> web.Response:  # noqa: N802
        text = body["text"]
        if not 0 < len(text) <= 4_096:
            return no(400, "Bad Request: message text is empty")
        assert "parse_mode" not in body
        for row in body.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                parts = urlsplit(button["url"])
                if parts.hostname == "localhost" or parts.scheme not in ("http", "https"):
                    return no(400, f"Bad Request: inline keyboard button URL '{button['url']}' is invalid")
        self.sent.append(body)
        return yes({"message_id": len(self.sent), "text": text})


def yes(result: object) -> web.Response:
    """The Bot API's own yes."""
    return web.json_response({"ok": True, "result": result})


def no(code: int, description: str, **parameters: object) -> web.Response:
    """The Bot API's own no."""
    told: dict[str, object] = {"ok": False, "error_code": code, "description": description}
    return web.json_response(told | ({"parameters": parameters} if parameters else {}), status=code)


def saying_no(code: int, description: str, **parameters: object) -> Answer:
    """An answer to be given next."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return no(code, description, **parameters)

    return answer


def saying(status: int, text: str) -> Answer:
    """An answer that is not Telegram's."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    return answer


async def breaking_off(request: web.Request) -> web.StreamResponse:
    """No answer: the connection ends."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def serving() -> AsyncIterator[BotService]:
    """The service on a free port of 127.0.0.1."""
    service = BotService()
    app = web.Application()
    app.router.add_post("/{rest:.*}", service.handle)
    async with TestServer(app, host="127.0.0.1", shutdown_timeout=1) as server:
        service.url = str(server.make_url("/")).rstrip("/")
        yield service


def link_of(message: dict[str, Any]) -> str:
    """The address in an answer, on its button or in its text; "" without one."""
    for row in message.get("reply_markup", {}).get("inline_keyboard", []):
        return str(row[0]["url"])
    found = [line for line in message["text"].splitlines() if line.startswith("http")]
    return found[0] if found else ""


def as_json(messages: list[dict[str, Any]]) -> str:
    """All that was sent, as one text."""
    return json.dumps(messages)
