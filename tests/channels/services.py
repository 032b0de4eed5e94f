"""Telegram, Slack and Discord as servers on loopback: each speaks its own dialect and keeps its own limits.

`answers` are given first, one a request, whatever was asked; after them the service answers by itself.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN = "1234:s3cr3t-token"
SLACK_PATH = "/services/T0001/B0001/s3cr3t-hook"
DISCORD_PATH = "/api/webhooks/1234567890/s3cr3t-hook"


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    path: str
    query: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Service:
    """What arrived at a server, and what it will say next."""

    respond: Callable[["Service", Seen], web.Response]
    answers: deque[Answer] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    url: str = ""
    chats: dict[str, str] = field(default_factory=lambda: {"42": "", "-100": "", "@ops_alerts": ""})
    """Telegram's chats: id -> the id it has moved to, or ""."""
    remaining: int = 100
    """Messages left in Discord's bucket."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        seen = Seen(
            request.raw_path.partition("?")[0], request.query_string, request.headers, json.loads(raw)
        )
        self.seen.append(seen)
        if self.answers:
            return await self.answers.popleft()(request)
        return self.respond(self, seen)


@asynccontextmanager
async def serving(respond: Callable[[Service, Seen], web.Response]) -> AsyncIterator[Service]:
    """A service on a free port of 127.0.0.1."""
    service = Service(respond)
    app = web.Application()
    app.router.add_post("/{rest:.*}", service.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        service.url = str(server.make_url("/")).rstrip("/")
        yield service


def saying(
    status: int, text: str = "", headers: Mapping[str, str] | None = None, kind: str = "text/plain"
) -> Answer:
    """An answer as text."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers, content_type=kind)

    return answer


def saying_json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer as JSON."""
    return saying(status, json.dumps(value), headers, "application/json")


async def hanging(request: web.Request) -> web.StreamResponse:
    """No answer until the client has left."""
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.01)
    raise web.HTTPServiceUnavailable


def dripping(status: int) -> Answer:
    """A status at once, and a body that never ends, a byte at a time."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b" ")
            await asyncio.sleep(0.01)
        return response

    return answer


async def broken_off(request: web.Request) -> web.StreamResponse:
    """The connection ends without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


# --- Telegram


def telegram_error(code: int, description: str, parameters: Mapping[str, object] | None = None) -> Answer:
    """The Bot API's own no."""
    return saying_json(code, _telegram_no(code, description, parameters))


def telegram(service: Service, seen: Seen) -> web.Response:
    """sendMessage of one bot."""
    path = re.fullmatch(r"/bot([0-9]+:[A-Za-z0-9_-]+)/sendMessage", seen.path)
    if not path:
        return _json(404, _telegram_no(404, "Not Found"))
    if path[1] != TOKEN:
        return _json(401, _telegram_no(401, "Unauthorized"))
    chat = str(seen.body["chat_id"])
    if chat not in service.chats:
        return _json(400, _telegram_no(400, "Bad Request: chat not found"))
    if moved := service.chats[chat]:
        said = "Bad Request: group chat was upgraded to a supergroup chat"
        return _json(400, _telegram_no(400, said, {"migrate_to_chat_id": int(moved)}))
    text = seen.body["text"]
    if seen.body.get("parse_mode") == "HTML":
        parsed = TelegramHtml(text)
        if parsed.problem:
            return _json(400, _telegram_no(400, f"Bad Request: can't parse entities: {parsed.problem}"))
        text = parsed.text
    if not text.strip():
        return _json(400, _telegram_no(400, "Bad Request: message text is empty"))
    if len(text) > 4_096:
        return _json(400, _telegram_no(400, "Bad Request: message is too long"))
    return _json(200, {"ok": True, "result": {"message_id": len(service.seen), "text": text}})


class TelegramHtml(HTMLParser):
    """What Telegram makes of HTML: the text and the links, or why it refuses it."""

    TAGS = frozenset(("b", "strong", "i", "em", "u", "s", "a", "code", "pre", "blockquote", "tg-spoiler"))

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.links: list[str] = []
        self.problem = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        if self._open and not self.problem:
            self.problem = f"Can't find end tag corresponding to start tag {self._open[-1]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.TAGS:
            self.problem = f'Unsupported start tag "{tag}"'
        self._open.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problem = f'Unexpected end tag "{tag}"'

    def handle_data(self, data: str) -> None:
        self.text += data


def _telegram_no(
    code: int, description: str, parameters: Mapping[str, object] | None = None
) -> dict[str, object]:
    found: dict[str, object] = {"ok": False, "error_code": code, "description": description}
    return found if parameters is None else {**found, "parameters": dict(parameters)}


# --- Slack


def slack(service: Service, seen: Seen) -> web.Response:
    """One incoming webhook."""
    body = seen.body
    if seen.path != SLACK_PATH:
        return web.Response(status=404, text="no_service")
    if not isinstance(body, dict):
        return web.Response(status=400, text="invalid_payload")
    if not body.get("text"):
        return web.Response(status=400, text="no_text")
    sections = [block["text"]["text"] for block in body.get("blocks", ())]
    if len(sections) > 50 or any(not 0 < len(section) <= 3_000 for section in sections):
        return web.Response(status=400, text="invalid_blocks")
    if sum(map(len, sections)) + len(body["text"]) > 12_000:
        return web.Response(status=400, text="msg_blocks_too_long")
    return web.Response(text="ok")


# --- Discord


def discord(service: Service, seen: Seen) -> web.Response:
    """One webhook."""
    body = seen.body
    if seen.path != DISCORD_PATH:
        return _json(404, {"message": "Unknown Webhook", "code": 10015})
    embeds = body.get("embeds", [])
    sizes = [len(embed.get("title", "")) + len(embed.get("description", "")) for embed in embeds]
    if not body.get("content") and not any(sizes):
        return _json(400, {"message": "Cannot send an empty message", "code": 50006})
    if (
        len(body.get("content", "")) > 2_000
        or len(embeds) > 10
        or sum(sizes) > 6_000
        or any(
            len(embed.get("title", "")) > 256 or len(embed.get("description", "")) > 4_096 for embed in embeds
        )
    ):
        return _json(400, {"message": "Invalid Form Body", "code": 50035})
    service.remaining -= 1
    headers = {"X-RateLimit-Remaining": str(service.remaining), "X-RateLimit-Reset-After": "1.25"}
    if "wait=true" in seen.query.split("&"):
        return _json(200, {"id": "1", "content": body.get("content", "")}, headers)
    return web.Response(status=204, headers=headers)


def _json(status: int, value: object, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(value, status=status, headers=headers)
