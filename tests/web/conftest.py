"""A visitor: a client that fills in the token of our forms, as a browser does."""

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from types import MappingProxyType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from quart import Quart, Response, request

from ttr.now import now_ms
from ttr.store.redis import Store
from ttr.store.sessions import by_key, open_session
from ttr.store.users import User, digest
from ttr.web import copies, security
from ttr.web.security import CSRF_COOKIE

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
HTMX = {"HX-Request": "true"}
NOTHING: Mapping[str, str] = {}


@dataclass
class Visitor:
    """One browser without JavaScript; `htmx=True` asks as htmx does."""

    client: Any
    token: str = ""
    user: User | None = field(default=None)

    async def get(self, path: str, *, htmx: bool = False) -> Response:
        response: Response = await self.client.get(path, headers=HTMX if htmx else {})
        return response

    async def read(self, path: str, *, htmx: bool = False) -> str:
        """The text of a page that must be there."""
        response = await self.get(path, htmx=htmx)
        assert response.status_code == 200, response.status_code
        return str(await response.get_data(as_text=True))

    async def post(
        self,
        path: str,
        form: Mapping[str, str] = NOTHING,
        *,
        htmx: bool = False,
        many: Mapping[str, Sequence[object]] = MappingProxyType({}),
        **fields: str,
    ) -> Response:
        """Send a form with its token; `many` are fields that come several times."""
        if not self.token:
            found = _TOKEN.search(await self.read("/"))
            assert found
            self.token = found[1]
        headers = HTMX if htmx else {}
        sent = [*{CSRF_COOKIE: self.token, **form, **fields}.items()]
        sent += [(name, str(value)) for name, values in many.items() for value in values]
        response: Response = await self.client.post(path, form=sent, headers=headers)
        if path in ("/keys", "/login", "/logout") and response.status_code < 400:
            self.token = ""  # another session, another token: the next page has it
        return response

    async def make_check(self, **fields: str) -> int:
        """A check through the form; its number."""
        form = {"name": "Backup", "schedule_type": "interval", "interval": "1", "interval_unit": "hours"}
        form |= {"grace": "5", "grace_unit": "minutes", "tz": "UTC", "notify_on_up": "on"}
        response = await self.post("/checks", form | fields)
        assert response.status_code == 303, await response.get_data(as_text=True)
        return int(response.headers["Location"].rpartition("/")[2])

    async def make_channel(self, kind: str = "webhook", **fields: str) -> int:
        """A channel through the form; its number."""
        form = {"webhook_url": "https://hooks.example/t0p-s3cret"} if kind == "webhook" else {}
        response = await self.post("/channels", {"kind": kind, "name": "Ops room", **form, **fields})
        assert response.status_code in (201, 303), await response.get_data(as_text=True)
        if response.status_code == 303:
            return int(response.headers["Location"].rpartition("/")[2])
        found = re.search(r'href="/channels/(\d+)">I have', str(await response.get_data(as_text=True)))
        assert found
        return int(found[1])


@pytest.fixture
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every public request looks at Redis, so that tests need not wait for a copy to grow old."""
    monkeypatch.setattr(copies, "FRESH_MS", 0)
    monkeypatch.setattr(copies, "_OLD_MS", 0)
    monkeypatch.setattr(copies, "_REST", 0)


@pytest.fixture
def visitor(app: Quart) -> Visitor:
    """Somebody without a session."""
    return Visitor(app.test_client())


@pytest.fixture
async def owner(app: Quart, store: Store, account: tuple[User, str]) -> Visitor:
    """The account, as it is after a login: with a session of its key and the token of our forms.

    The way there, a page and a form, takes longer than most tests; those of logins and tokens go it (`visitor`).
    """
    user, auth_key = account
    session = await open_session(store, user, now_ms(), opened_by=by_key(digest(auth_key)))
    async with app.app_context():
        nonce = secrets.token_urlsafe(24)
        token = nonce + security._signature(nonce, session)
    someone = Visitor(app.test_client(), token, user)
    someone.client.set_cookie("localhost", security.SESSION_COOKIE, session)
    someone.client.set_cookie("localhost", CSRF_COOKIE, token)
    return someone


class _Form(HTMLParser):
    """Collects what a browser would send of one form."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.boxes: dict[str, list[str]] = {}
        self._id, self._inside, self._area, self._select = form_id, False, "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id") == self._id
        elif not self._inside:
            return
        elif tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self.fields[given["name"]] = given.get("value", "")
            self.boxes.setdefault(given["name"], []).append(given.get("value", ""))
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self.fields[self._select] = given["value"]
        elif tag == "textarea":
            self._area = given["name"]
            self.fields[self._area] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.fields[self._area] = self.fields[self._area].removeprefix("\n")
            self._area = ""
        self._inside = self._inside and tag != "form"

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data


def typed_in(page: str, form_id: str) -> dict[str, str]:
    """The fields that the page's form would send as it stands."""
    form = _Form(form_id)
    form.feed(page)
    return form.fields


def ticked_in(page: str, form_id: str, name: str) -> list[str]:
    """The values of that name that the page's form would send: it may come several times."""
    form = _Form(form_id)
    form.feed(page)
    return form.boxes.get(name, [])


async def text(response: Response) -> str:
    """A response's body."""
    return str(await response.get_data(as_text=True))


@dataclass
class Receiver:
    """A service on this machine that messages are sent to: answers `status`, keeps what came."""

    url: str
    status: int = 200
    body: str = "ok"
    came: list[bytes] = field(default_factory=list)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """The service, listening."""

    async def answer(request: web.Request) -> web.Response:
        found.came.append(await request.read())
        return web.Response(status=found.status, text=found.body)

    app = web.Application()
    app.router.add_post("/{tail:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        found = Receiver(str(server.make_url("/hook")))
        yield found


def as_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the app takes the visitor's session for an operator's."""
    really = security.session_user

    async def found(*args: Any) -> User | None:
        user = await really(*args)
        return None if user is None else replace(user, operator="ada")

    monkeypatch.setattr(security, "session_user", found)
    monkeypatch.setattr(security, "operator_id", lambda: request.cookies.get(security.SESSION_COOKIE, ""))
