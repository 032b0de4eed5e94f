"""Who asks, and whether a form is ours: the session cookie, the double-submit token."""

import hmac
import re
import secrets
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from quart import Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from ttr import current
from ttr.domain.access_key import address_refusal
from ttr.noted import note_means
from ttr.now import now_ms
from ttr.origin import from_elsewhere
from ttr.security_headers import PAGES, secure
from ttr.store.sessions import SESSION_SECONDS, Seen, session_user
from ttr.store.users import User

SESSION_COOKIE = "ttr_session"
OPERATOR_COOKIE = "ttr_operator"
"""Of an operator who has opened an account; it goes before the browser's own session while it is there."""
CSRF_COOKIE = "csrf_token"

SHOWN_ACCOUNT = "X-Account"
"""The header in which htmx says whose page it is on (`templates/base.html`); whole pages and forms do without."""

FORM_MAX = 55_000
"""Bytes of a form. A check's fields full of emoji, 12 bytes each when encoded, come to just under 52,000."""

LONGER_FORM_MAX = 200_000
"""Bytes of the form of a status page, which carries all its lines: 500 checks and tags, 50 headings and the words on it
come to at most some 170,000."""
_LONGER_FORMS = "/status-pages"

_SIGNED_LINKS = ("/acknowledge/", "/unsubscribe/", "/confirm/")
"""Their own address carries a token signed by us, which is all the authority they need or give. They are followed
without a login, and mail providers POST to them by themselves (RFC 8058), with no cookie and from another site."""

UPLOADS = ("/account/import",)
"""Their views take more than FORM_MAX: they ask who it is before they read that, and judge the form's token after."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_NONCE_LENGTH = 32
_NO_ID = "-"


class NotSignedIn(Exception):
    """The page belongs to an account and the request carries no living session."""


class AnotherAccount(Exception):
    """A part of a page that shows one account, asked for by a browser that has another one open by now."""


class ForeignForm(Exception):
    """A write that did not come from one of our own pages."""


class OwnerNeeded(Exception):
    """What only the owner of an account may do, asked for by an operator who is in it."""


async def visitor() -> User | None:
    """The account of the session cookie, if any; each use prolongs the session."""
    found = session_id()
    seen = Seen(now_ms(), current.address(), request.headers.get("User-Agent", ""))
    user = await session_user(current.store(), found, seen) if _TOKEN.fullmatch(found) else None
    key = None if user is None else user.key
    # Its origins bind calls and logins alone: a page is of our own.
    if key is not None and address_refusal(key, seen.address, current.settings().enforced):
        user = None
    # Each kind of session counts in its own cookie: one that a neighbouring host has planted in the other would go
    # before the browser's own, and no strip would tell.
    if user is not None and bool(user.operator) != bool(operator_id()):
        user = None
    if user is None and operator_id():
        # It has ended with the operator's login. The browser's own account comes back with the next page, not with this
        # request, which was meant for the other one.
        stop_operating()
    g.user = user
    if user is not None:
        note_means("admin" if user.operator else "session")
    return user


async def require_user() -> User:
    """The account of the session cookie. Raises NotSignedIn, and AnotherAccount when the page that asks shows another:
    somebody has logged in with another key in the next tab, or opened an account as an operator there.
    """
    user = await visitor()
    if user is None:
        raise NotSignedIn
    if request.headers.get(SHOWN_ACCOUNT, str(user.id)) != str(user.id):
        raise AnotherAccount
    return user


def owner_only(user: User) -> None:
    """Let nobody on but the owner: an operator's session may do anything else. Raises OwnerNeeded."""
    if user.operator:
        raise OwnerNeeded


async def refuse_foreign_forms() -> None:
    """Before every write: the hidden field must equal the cookie, and the browser must name no other origin.

    Nothing of the form is read before the cookie's signature has been judged. Raises ForeignForm and
    RequestEntityTooLarge (above `form_max`).
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    if request.path.startswith(_SIGNED_LINKS):
        return
    if from_elsewhere():
        raise ForeignForm
    cookie = request.cookies.get(CSRF_COOKIE, "")
    if not _is_ours(cookie, session_id()):
        raise ForeignForm
    if request.path in UPLOADS:
        return
    # A chunked body says no length; Quart stops it at MAX_CONTENT_LENGTH.
    most = form_max(request.path)
    if (request.content_length or 0) > most or len(await request.get_data()) > most:
        raise RequestEntityTooLarge
    judge_token((await request.form).get(CSRF_COOKIE, ""))


def form_max(path: str) -> int:
    """Bytes that a form sent to this path may have."""
    return LONGER_FORM_MAX if path.startswith(_LONGER_FORMS) else FORM_MAX


def judge_token(field: str) -> None:
    """Raise ForeignForm unless a form's token is this browser's."""
    cookie = request.cookies.get(CSRF_COOKIE, "")
    if not compare_digest(cookie.encode(), field.encode("utf-8", "replace")):
        raise ForeignForm


def csrf_token() -> str:
    """The token for this browser's forms: its cookie's, or a new one that `finish` sends along."""
    cookie = request.cookies.get(CSRF_COOKIE, "")
    session = g.get("session", session_id())
    if _is_ours(cookie, session):
        return cookie
    if "new_csrf" not in g:
        nonce = secrets.token_urlsafe(24)
        g.new_csrf = nonce + _signature(nonce, session)
    return str(g.new_csrf)


def browser_secret() -> str:
    """What this browser alone knows while its session lasts, "" without: `csrf_token` of the page that it came from."""
    cookie = request.cookies.get(CSRF_COOKIE, "")
    return cookie if _is_ours(cookie, session_id()) else ""


def use_headers(family: Mapping[str, str]) -> None:
    """Let the answer have the headers of another family than PAGES."""
    g.headers = family


def _is_ours(token: str, session: str) -> bool:
    """Whether we signed the token for this session: a cookie planted by a neighbouring host is not."""
    nonce, signature = token[:_NONCE_LENGTH], token[_NONCE_LENGTH:]
    return compare_digest(signature.encode("utf-8", "replace"), _signature(nonce, session).encode())


def _signature(nonce: str, session: str) -> str:
    text = f"csrf:{session}:{nonce}".encode("utf-8", "replace")
    return hmac.new(current.settings().signing_key.encode(), text, "sha256").hexdigest()


def session_id() -> str:
    """The id of the session that this request has: an operator's, else the browser's own; "" without one."""
    return operator_id() or request.cookies.get(SESSION_COOKIE, "")


def operator_id() -> str:
    """The id of an operator's session in an account, "" without one; no id at all for a cookie that we did not sign."""
    cookie = request.cookies.get(OPERATOR_COOKIE, "")
    session, _, signature = cookie.partition(".")
    if not cookie or compare_digest(signature.encode("utf-8", "replace"), _operators(session).encode()):
        return session
    return _NO_ID


def _operators(session: str) -> str:
    # Another SECRET_KEY ends the logins of admins, and so must end what they have open.
    text = f"operator:{session}".encode("utf-8", "replace")
    return hmac.new(current.settings().signing_key.encode(), text, "sha256").hexdigest()


def start_session(session: str) -> None:
    """Let the answer carry a new session; an operator's ends here."""
    g.session = session
    stop_operating()


def end_session() -> None:
    """Let the answer take the session away, an operator's as well."""
    g.session = ""
    g.user = None
    stop_operating()


def start_operating(session: str) -> None:
    """Let the answer carry an operator's session."""
    g.operator = session


def stop_operating() -> None:
    """Let the answer take an operator's session away, if the browser has one."""
    if operator_id():
        g.operator = ""


def finish(response: Response) -> Response:
    """Security headers and cookies, on every HTML answer."""
    secure(response, g.get("headers", PAGES))
    if "new_csrf" in g:
        set_cookie(response, CSRF_COOKIE, g.new_csrf)
    session = g.get("session")
    if session == "":
        response.delete_cookie(
            SESSION_COOKIE, path="/", httponly=True, samesite="Lax", secure=current.is_secure()
        )
    elif session:
        set_cookie(response, SESSION_COOKIE, session)
    elif g.get("user") and not operator_id() and "HX-Request" not in request.headers:
        # Slides with each page, not with each poll of a page that lies open.
        set_cookie(response, SESSION_COOKIE, request.cookies[SESSION_COOKIE])
    operator = g.get("operator")
    if operator == "":
        response.delete_cookie(
            OPERATOR_COOKIE, path="/", httponly=True, samesite="Lax", secure=current.is_secure()
        )
    elif operator:
        # No age: it goes with the browser, and its session with the operator's login, whichever is first.
        signed, secure_only = f"{operator}.{_operators(operator)}", current.is_secure()
        response.set_cookie(
            OPERATOR_COOKIE, signed, path="/", httponly=True, samesite="Lax", secure=secure_only
        )
    return response


def set_cookie(response: Response, name: str, value: str) -> None:
    """A cookie of ours: a year, no script reads it, no other site sends it with a form."""
    options: dict[str, Any] = {
        "path": "/",
        "httponly": True,
        "samesite": "Lax",
        "secure": current.is_secure(),
    }
    response.set_cookie(name, value, max_age=SESSION_SECONDS, **options)
