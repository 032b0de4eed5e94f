"""Words of users on every page, in a real browser: none becomes an element, an attribute, a script or a request.

Each page is opened twice: once with its Content-Security-Policy lifted, so that nothing but the escaping stands in the
way, and once as it is, with our scripts at work, where a complaint of the policy would tell that something had tried.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from quart import Quart

from tests.admins import make_admin
from tests.api.conftest import ask
from tests.attacks.conftest import Tried
from tests.attacks.forms import FORMS, fields_of, send, written
from tests.attacks.poison import MARKDOWN, SHAPES, Poison
from tests.attacks.routes import is_admin, is_api, is_public, is_signed, path_of, rules
from tests.attacks.test_csrf import token_of
from tests.attacks.world import Account, cookie_of
from tests.telegram import SET_UP, widget
from tests.web.admin.conftest import log_in
from tests.web.conftest import HTMX, Visitor, text
from tests.web.test_telegram_login import answer_of
from ttr import web
from ttr.accounts import link_telegram
from ttr.app import create_app
from ttr.domain.telegram_login import TelegramAccount
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.admin_log import KINDS, note
from ttr.store.redis import Store
from ttr.web.markdown import markdown

pytestmark = pytest.mark.browser

# What stands in a page that its templates did not put there.
_INJECTED = r"""() => {
  const found = [];
  const ours = (address) => new URL(address, document.baseURI).origin === location.origin;
  for (const one of document.querySelectorAll("*")) {
    const name = one.localName;
    const tell = (why) => found.push(`${why}: ${one.outerHTML.slice(0, 200)}`);
    if (name === "evil" || one.hasAttribute("evil")) tell("injected");
    if (["iframe", "object", "embed", "base", "applet", "frame", "portal"].includes(name)) tell("element");
    if (name === "meta" && one.httpEquiv) tell("meta");
    if (name === "script" && !(one.src && ours(one.src))) tell("script");
    if (name === "style" && document.contentType === "text/html") tell("style");
    for (const { name: attribute, value } of one.attributes) {
      if (/^on/i.test(attribute) || /^hx-on/i.test(attribute)) tell("handler");
      if (/^\s*(javascript|vbscript|data:text)/i.test(value.replace(/[\x00-\x20]/g, "")) &&
          /^(href|src|action|formaction|data|xlink:href|srcdoc|poster)$/i.test(attribute) &&
          !one.hasAttribute("download")) tell("address");
      if (/^hx-(get|post|put|patch|delete|sse:connect)$/.test(attribute) && !ours(value)) tell("request");
      if (/^(action|formaction)$/.test(attribute) && !ours(value)) tell("form");
    }
  }
  if (/\b1337\b/.test(document.documentElement.textContent)) found.push("a template computed something");
  return found;
}"""


@dataclass
class Watched:
    """A browser that tells of all that a page of ours would never do."""

    context: BrowserContext
    page: Page
    base: str
    done: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.done.append(f"error: {error}"))
        self.page.on("request", self._asked)
        self.page.on("popup", lambda popup: self.done.append(f"popup: {popup.url}"))

    async def look(self, path: str, poison: Poison, *, status: int | None = None) -> None:
        """Open a page and judge it."""
        answer = await self.page.goto(f"{self.base}{path}", wait_until="load")
        assert answer
        assert status in (None, answer.status), (path, answer.status)
        assert answer.status < 500 or path == "/health", path
        await self.judge(path, poison)

    async def judge(self, where: str, poison: Poison) -> None:
        """Nothing of what users wrote has done anything, or stands there as more than text."""
        found = self.done + await self.page.evaluate(_INJECTED)
        numbers = {int(number) for one in found for number in re.findall(r"hit\D*(\d+)", one)}
        assert not found, (where, found, {poison.stood.get(number) for number in numbers})

    def _hear(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Refused" in message.text:
            self.done.append(f"policy: {message.text}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "about", "blob") and not request.url.startswith(self.base):
            self.done.append(f"request: {request.url}")
        if address.path == "/logout" and not request.is_navigation_request():
            self.done.append("request: a logout")


@asynccontextmanager
async def watched(chromium: Browser, base: str, account: Account, *, policy: bool) -> AsyncIterator[Watched]:
    """A browser with the cookies of an account's browser. Without `policy` it ignores our Content-Security-Policy and
    gets no scripts of ours: what happens then, users' words have done.
    """
    context = await chromium.new_context(base_url=base, bypass_csp=not policy)
    context.set_default_timeout(20_000)
    for cookie in account.visitor.client.cookie_jar:
        where = {"url": f"{base}{cookie.path.rstrip('/')}"}
        await context.add_cookies([{"name": cookie.name, "value": str(cookie.value), **where}])
    watch = Watched(context, await context.new_page(), base)
    if not policy:
        # By the browser itself: to ask here for each of a page's dozen files took longer than the page.
        network = await context.new_cdp_session(watch.page)
        await network.send("Network.enable")
        await network.send("Network.setBlockedURLs", {"urls": ["*/assets/*"]})
    await context.expose_function("hit", lambda number="": watch.done.append(f"called: hit({number})"))
    watch.listen()
    watch.page.on("dialog", lambda dialog: watch.done.append(f"dialog: {dialog.message}"))
    yield watch
    await context.close()


def asked_by_name() -> list[str]:
    """Every name under which a page of ours reads a word from an address or a form."""
    source = "".join(path.read_text() for path in sorted(Path(web.__file__).parent.rglob("*.py")))
    found = set(
        re.findall(r'\.(?:get|getlist)\(\s*"(\w+)"|args\["(\w+)"\]|"(\w+)" (?:not )?in request\.args', source)
    )
    names = {name for one in found for name in one if name}
    assert {"q", "tag", "back", "slug", "kind", "label"} - names == {"label"}
    form = (Path(web.__file__).parent / "check_form.py").read_text()
    names |= set(re.findall(r'"([a-z_]+)"', form)) | {"label", "show", "window", "sort", "cursor"}
    return sorted(names - {"csrf_token"})


async def test_stored_words_do_nothing_on_any_page(
    app: Quart, chromium: Browser, base: str, victim: Account, poison: Poison, tried: Tried
) -> None:
    paths = []
    for rule in rules(app, "GET"):
        path = path_of(rule, victim.names)
        if is_api(rule) or not await _shows(victim, path):
            continue
        paths.append(path)
        paths += (
            [f"{path}?layout={layout}" for layout in ("grid", "timeline")] if "page_slug" in rule.rule else []
        )
    paths += [f"/checks/{victim.names['check']}/pings/{number}" for number in range(1, 5)]
    paths += [
        f"/checks/{victim.names['check']}/settings#advanced",
        "/checks/new?like=" + victim.names["check"],
    ]
    paths += [f"/channels/{number}" for number in range(1, 7)]
    paths += [f"/channels/new?kind={kind}" for kind in ("webhook", "slack", "discord", "telegram", "email")]
    paths += [f"/status-pages/{int(victim.names['page']) + more}" for more in (1, 2)]
    for policy in (False, True):
        async with watched(chromium, base, victim, policy=policy) as watch:
            for path in paths:
                await watch.look(path, poison)
    assert len(poison.stood) > 400
    tried(len(poison.stood) * 2)


async def test_words_of_accounts_do_nothing_on_the_pages_of_admins(
    app: Quart, chromium: Browser, base: str, store: Store, victim: Account, poison: Poison, tried: Tried
) -> None:
    await make_admin(store)
    assert (await log_in(victim.visitor)).status_code == 303
    await _link(store, victim, poison)
    for kind in KINDS:
        words = {name: poison.text(f"{name} in the log", 200) for name in ("admin", "what", "about")}
        await note(store, at=now_ms(), kind=kind, **words)
    paths = []
    for rule in rules(app, "GET"):
        path = path_of(rule, victim.names)
        if is_admin(rule) and await _shows(victim, path):
            paths += [
                path,
                f"{path}?{urlencode({name: SHAPES[0].format(n=0) for name in ('q', 'status', 'below')})}",
            ]
    assert len(paths) > 15
    for policy in (False, True):
        async with watched(chromium, base, victim, policy=policy) as watch:
            for path in paths:
                await watch.look(path, poison, status=200)
    # What an admin looks for comes back in the page as well.
    async with watched(chromium, base, victim, policy=False) as watch:
        await watch.page.goto(f"{base}/docs/keyboard")
        for rule in rules(app, "POST"):
            if not is_admin(rule) or rule.rule.endswith(("/delete", "/logout", "/open", "/end")):
                continue
            for shape in SHAPES[::4]:
                words = dict.fromkeys(("q", "username", "password", "status", "job", "digest", "key"), shape)
                answer = await victim.visitor.post(path_of(rule, victim.names), words)
                assert answer.status_code < 500, rule.rule
                await watch.page.set_content(await text(answer), wait_until="domcontentloaded")
                await watch.judge(rule.rule, poison)
    tried(len(poison.stood) * 2)


async def test_the_name_of_a_telegram_account_does_nothing(
    chromium: Browser,
    base: str,
    settings: Settings,
    store: Store,
    victim: Account,
    poison: Poison,
    tried: Tried,
) -> None:
    before = len(poison.stood)
    await _link(store, victim, poison)
    stranger = TelegramAccount(
        6_000_000_002, poison.text("Telegram name", 120), poison.text("Telegram user name", 60)
    )
    # Its pages lead to Telegram itself, so they are judged apart from its script.
    app = create_app(settings.model_copy(update=SET_UP))
    async with app.test_app(), watched(chromium, base, victim, policy=False) as watch:
        await watch.page.goto(f"{base}/docs/keyboard")
        owner, somebody = Visitor(app.test_client()), Visitor(app.test_client())
        owner.client.set_cookie("localhost", "ttr_session", cookie_of(victim))
        linked = await owner.read("/account/telegram")
        entrance = await somebody.read(f"{answer_of(await somebody.read('/'))}&{urlencode(widget(stranger))}")
        for page, name in ((linked, "Telegram id"), (entrance, str(stranger.id))):
            assert name in page
            await watch.page.set_content(page, wait_until="domcontentloaded")
            await watch.judge(name, poison)
    assert len(poison.stood) > before + 3
    tried(len(poison.stood) - before)


async def test_words_that_come_while_a_page_is_open_do_nothing(
    chromium: Browser, base: str, victim: Account, poison: Poison, tried: Tried
) -> None:
    check = victim.names["check"]
    path = f"/p/{victim.names['user_slug']}/{victim.names['check_slug']}"
    before = len(poison.stood)
    async with watched(chromium, base, victim, policy=True) as watch:
        for address in ("/dashboard?sort=name", f"/checks/{check}"):
            await watch.page.goto(f"{base}{address}", wait_until="load")
            for _ in range(6):
                name = poison.text("name that comes by the stream", 100)
                change = {"name": name, "tags": [poison.text("tag that comes", 50, ",")]}
                assert (await victim.api.call("PATCH", f"/checks/{check}", change))[0] == 200
                agent = poison.text("agent that comes", 200).encode().decode("latin-1")
                answer = await victim.api.client.post(
                    f"{path}/fail", data=poison.every("body that comes"), headers={"User-Agent": agent}
                )
                assert answer.status_code == 200
                await watch.page.wait_for_function(
                    "name => document.querySelector('main').textContent.includes(name)", arg=name
                )
                await watch.judge(address, poison)
    tried(len(poison.stood) - before)


async def test_words_in_an_address_do_nothing(
    app: Quart, chromium: Browser, base: str, stranger: Account, poison: Poison, tried: Tried
) -> None:
    names, number = asked_by_name(), 0
    async with watched(chromium, base, stranger, policy=False) as watch:
        for rule in rules(app, "GET"):
            path = path_of(rule, stranger.names)
            if is_api(rule) or not await _shows(stranger, path):
                continue
            everything = [(name, poison.text(f"{name} of {rule.rule}", 90)) for name in names]
            await watch.look(f"{path}?{urlencode(everything)}", poison)
            number += len(names)
        # These give back what they were asked, so each shape is shown alone.
        for path in ("/dashboard", "/checks/new", "/checks/slug", "/account/badge"):
            for shape in SHAPES[::6]:
                words = dict.fromkeys(names, shape.format(n=0)) | {"schedule_type": "cron"}
                await watch.look(f"{path}?{urlencode(words)}", poison)
                number += len(names)
    tried(number)


async def test_addresses_that_lead_nowhere_do_nothing(
    chromium: Browser, base: str, stranger: Account, poison: Poison, tried: Tried
) -> None:
    number = 0
    async with watched(chromium, base, stranger, policy=False) as watch:
        for start in (
            "/",
            "/checks/",
            "/s/",
            "/p/",
            "/api/v1/",
            "/acknowledge/",
            "/docs/",
            "/channels/new?kind=",
        ):
            for shape in SHAPES[::4]:
                words = quote(shape.format(n=0), safe="")
                await watch.page.goto(f"{base}{start}{words}", wait_until="load")
                await watch.judge(f"{start}{shape}", poison)
                number += 1
    tried(number)


async def test_words_in_a_form_that_is_refused_do_nothing(
    app: Quart, chromium: Browser, base: str, stranger: Account, poison: Poison, tried: Tried
) -> None:
    token, names, number = await token_of(stranger.visitor), asked_by_name(), 0
    async with watched(chromium, base, stranger, policy=False) as watch:
        await watch.page.goto(f"{base}/docs/keyboard")
        for rule, form in written(app):
            if rule.rule in ("/logout", "/account/import") or rule.rule.endswith("/delete"):
                continue
            kept = {name for name, _ in fields_of(form, stranger) if rule.rule in _NEEDED.get(name, ())}
            honest = [pair for pair in fields_of(form, stranger) if pair[0] in kept]
            hostile = [
                (name, poison.text(f"{name} sent to {rule.rule}", 150))
                for name in {*names, *(name for name, _ in fields_of(form, stranger))} - kept
            ]
            hostile += [("entry_kind", "heading"), ("entry_value", poison.text("line of a page", 90))]
            hostile += [("entry_kind", "tag"), ("entry_value", poison.text("tag of a page", 50, ","))]
            for headers in ({}, HTMX):
                sent = [*honest, *hostile, ("csrf_token", token)]
                answer = await send(stranger.visitor, rule, path_of(rule, stranger.names), sent, headers)
                assert answer.status_code < 500, rule.rule
                page = await text(answer)
                assert not re.search(r"[\r\n]", str(list(answer.headers.values()))), rule.rule
                if answer.mimetype == "text/html" and page:
                    await watch.page.set_content(page, wait_until="domcontentloaded")
                    await watch.judge(rule.rule, poison)
                number += len(hostile)
    assert FORMS
    tried(number)


async def test_markdown_makes_nothing_but_harmless_links(
    chromium: Browser, base: str, stranger: Account, poison: Poison, tried: Tried
) -> None:
    shapes = [shape.format(n=1) for shape in (*MARKDOWN, *SHAPES)]
    around = (
        "{}",
        "[{}](http://a.example)",
        "[x]({})",
        "[x](<{}>)",
        "`{}`",
        "> {}",
        "* {}",
        "**{}**",
        "    {}",
    )
    around += (
        "[x]: {}\n\n[x]",
        "[x](http://a.example '{}')",
        "<{}>",
        "&#x3c;{}",
        "\\{}",
        "```\n{}\n```",
        "# {}",
    )
    made = "".join(str(markdown(frame.format(shape))) for shape in shapes for frame in around)
    async with watched(chromium, base, stranger, policy=False) as watch:
        await watch.page.goto(f"{base}/docs/keyboard")
        await watch.page.set_content(f"<main>{made}</main>")
        await watch.judge("markdown", poison)
        schemes = await watch.page.eval_on_selector_all("a", "all => all.map(a => a.protocol)")
        assert {*schemes} <= {"http:", "https:", "mailto:"}
        names = await watch.page.evaluate(
            "[...new Set([...document.querySelectorAll('main *')].map(e => e.localName))]"
        )
        assert {*names} <= {
            *("p", "br", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "a", "hr"),
        }
    tried(len(shapes) * len(around))


async def test_a_planted_cookie_does_nothing(
    chromium: Browser, base: str, stranger: Account, poison: Poison, tried: Tried
) -> None:
    number = 0
    async with watched(chromium, base, stranger, policy=True) as watch:
        for name in ("ttr_said", "ttr_look", "ttr_zone", "csrf_token"):
            for shape in SHAPES[::5]:
                value = quote(shape.format(n=0))
                await watch.context.add_cookies([{"name": name, "value": value, "url": base}])
                await watch.look("/docs/keyboard", poison)
                number += 1
    tried(number)


async def test_what_is_no_page_is_never_taken_for_one(app: Quart, victim: Account, tried: Tried) -> None:
    number = 0
    for rule in rules(app, "GET", "POST", "PUT", "PATCH", "DELETE"):
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            if method != "GET" and not is_api(rule):
                continue
            path = path_of(rule, victim.names)
            for query in (
                "",
                f"?{urlencode({'sort_by': SHAPES[0], 'q': SHAPES[2], 'label': SHAPES[4], 'size': SHAPES[3]})}",
            ):
                body = SHAPES[0].encode() if method != "GET" else b""
                key = {"X-Auth-Key": victim.api.key} if is_api(rule) and method == "GET" else {}
                answer = await ask(
                    victim.visitor.client, method, path + query, body, key | {"Accept": "text/html"}
                )
                kind = answer.headers.get("Content-Type", "")
                if is_api(rule) or (is_public(rule) and rule.rule.startswith("/p/")):
                    assert "html" not in kind, (rule.rule, kind)
                if answer.status_code != 204:
                    assert (
                        answer.headers.get("X-Content-Type-Options") == "nosniff" or rule.rule == "/health"
                    ), rule.rule
                if "html" in kind or "svg" in kind:
                    policy = answer.headers["Content-Security-Policy"]
                    assert "default-src 'none'" in policy, rule.rule
                    assert "unsafe" not in policy or "svg" in kind, rule.rule
                if path.endswith("/download") or (rule.rule.endswith("/body") and is_api(rule) and key):
                    assert answer.headers["Content-Disposition"].startswith("attachment; filename="), (
                        rule.rule
                    )
                    assert kind == "application/octet-stream"
                for name, value in answer.headers:
                    assert not re.search(r"[\r\n\x00]", name + value), rule.rule
                    assert not re.search("[<>]", value), (rule.rule, name, value)
                number += 1
    assert not is_signed(rules(app, "GET")[0])
    tried(number)


async def test_the_stream_of_a_page_carries_no_words(app: Quart, victim: Account, tried: Tried) -> None:
    query = urlencode({"rows": f"{victim.names['check']},<b evil>", "since": "<b evil>", "whole": "<b evil>"})
    async with victim.visitor.client.request(f"/events?{query}", method="GET") as stream:
        await stream.send_complete()
        came = await stream.receive()
        change = {"name": SHAPES[0].format(n=1)}
        assert (await victim.api.call("PATCH", f"/checks/{victim.names['check']}", change))[0] == 200
        async with asyncio.timeout(20):
            while b"event: check" not in came:
                came += await stream.receive()
        assert re.fullmatch(rb"(id: \d+\n|event: (alive|account|checks|check-\d+)\n|data: 1\n|\n)+", came)
        await stream.disconnect()
    tried(3)


async def _link(store: Store, account: Account, poison: Poison) -> None:
    """Let a Telegram account with a hostile name open the account."""
    name, username = poison.text("Telegram name", 120), poison.text("Telegram user name", 60)
    told = TelegramAccount(6_000_000_001, name, username)
    await link_telegram(store, account.api.user, told, now=now_ms())


async def _shows(account: Account, path: str) -> bool:
    """Whether a browser shows what is at the address: it leads nowhere else, and is no file to be saved."""
    answer = await account.visitor.get(path)
    return answer.status_code != 303 and "Content-Disposition" not in answer.headers


# Words without which a form's view would end before it has read the others.
_NEEDED = {
    "kind": ("/channels",),
    "do": ("/checks/bulk",),
    "schedule_type": ("/checks", "/checks/preview", "/checks/schedule", "/checks/<int:check_id>/settings"),
}
