"""Masks what is secret in the text of a log line: access keys, ping URLs, hooks, tokens, passwords.

Every line passes through here, whoever wrote it: a server's error text quotes URLs, and an exception quotes anything.
It would rather mask too much. RE2 takes time in proportion to the text, whatever a client has put into it.
"""

import string
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

import re2

MASK = "***"

_SECRET_NAME = re2.compile(
    r"(?i)(pass(word|wd|phrase)?|pwd|secret|token|authorization|cookie|api_?key|auth_?key|access_?key|data_?key"
    r"|master_?key|secret_?key|encryption_?key|signing_?key|private_?key|credentials?|ping_?(url|slug)|user_?slug"
    r"|hook_?url|(redis|database|postgres)_?url|dsn)(s|_hash)?$"
)
# A word that names a secret, what stands between, and the value: quoted, or up to where such a value ends.
_NAMED = (
    r"""(?i:(?P<name>\b[\w-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|auth[_-]?key|access[_-]?key"""
    r"""|encryption[_-]?key|data[_-]?key|user_slug))(?P<gap>["']?\s*[=:]\s*b?)"""
    r"""(?P<value>"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|[^\s"'&,;<>)}\]]+))"""
)
_HEADER = r"""(?i:(?P<header>(?:\b(?:proxy-)?authorization|\b(?:set-)?cookie|\bx-auth-key)["']?\s*[=:,]\s*)[^\n]+)"""
_BEARER = r"(?P<scheme>\b(?:[Bb]earer|[Bb]asic)\s+)[A-Za-z0-9._~+/=-]{8,}"
# Up to the last @: a password may hold any letter, also one that should have been escaped, and a URL is quoted when
# nothing could read it. Bounded, for each of many such beginnings would be followed to the end of the text.
_LOGIN = r"""(?P<server>(?i:rediss?|valkeys?|unix|postgres(?:ql)?(?:\+\w+)?|amqps?|smtps?|https?|socks5h?)://)[^\n]{0,300}@"""
_BROKEN_LOGIN = (
    r"""(?P<broken>(?i:rediss?|valkeys?|postgres(?:ql)?(?:\+\w+)?)://[^\s:@/"'<>]*:)[^\s@/"'<>]*"""
)
_URL = r"""(?P<site>(?i:https?)://[^\s/"'<>?#\\]+)[/?#][^\s"'<>]+"""
_PING = r"""(?P<door>/(?:p|ping|acknowledge|unsubscribe|confirm|services|api/\w*hooks)/)[^\s<"'>][^\s"'<>]*"""
_BOT = r"""(?:\bbot[0-9]+(?::|%3[Aa])[^\s/"'<>]+|\b[0-9]{4,20}(?::|%3[Aa])[A-Za-z0-9_-]{20,})"""
_FERNET = r"\bgAAAA[A-Za-z0-9_-]{8,}={0,2}"
_JWT = r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+"
_WHSEC = r"\bwhsec_[A-Za-z0-9+/=_-]+"
_ARGON = r"\$argon2[a-z]*\$\S+"
_UUID = r"\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b"
_RUN = r"(?P<run>[A-Za-z0-9_-]{24,})"

_MODULE = re2.compile(r"/ping/[a-z_]+\.py")  # as a traceback names it

_KEPT_BEFORE = ("header", "scheme", "server", "broken", "door")
_LEAST_LITERAL = 8
# A UUID is how a check is pinged.
_ALWAYS = (
    _FERNET,
    _JWT,
    _WHSEC,
    _ARGON,
    _BOT,
    _HEADER,
    _NAMED,
    _BEARER,
    _LOGIN,
    _BROKEN_LOGIN,
    _URL,
    _PING,
    _UUID,
    _RUN,
)

_CLASSES = {
    **dict.fromkeys(string.ascii_lowercase, "a"),
    **dict.fromkeys(string.ascii_uppercase, "A"),
    **dict.fromkeys(string.digits, "0"),
}


class Redaction:
    """What is masked in this process: what looks like a secret, and the secrets that it was given, to the letter."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        literals = sorted({text for text in known if _is_telling(text)}, key=len, reverse=True)
        patterns = (*(re2.escape(text) for text in literals), *_ALWAYS)
        options = re2.Options()
        options.log_errors = False
        options.max_mem = 64 << 20
        self._pattern = re2.compile("|".join(patterns), options=options)

    def masked(self, text: str) -> str:
        """`text` with a MASK in place of each secret. Words around a secret stay."""
        # Half a character can't be given to RE2.
        text = text.encode("utf-8", "replace").decode()
        if not self._pattern.search(text):
            return text
        return str(self._pattern.sub(self._mask, text))

    def clean(self, text: str) -> bool:
        """Whether nothing in it looks secret."""
        return not self._pattern.search(text.encode("utf-8", "replace").decode())

    def _mask(self, match: Any) -> str:
        groups: dict[str, str | None] = match.groupdict()
        if run := groups["run"]:
            return MASK if _looks_random(run) else run
        if name := groups["name"]:
            gap, value = groups["gap"] or "", groups["value"] or ""
            if name.isupper() and gap == ": " and value[0] not in "\"'":
                # A sentence about a setting: "ENCRYPTION_KEY: not set".
                return f"{name}{gap}{self.masked(value)}"
            return f"{name}{gap}{MASK}"
        if site := groups["site"]:
            return f"{site}/{MASK}"
        if _MODULE.fullmatch(match.group()):
            return str(match.group())
        for kept in _KEPT_BEFORE:
            if (before := groups[kept]) is not None:
                return f"{before}{MASK}{'@' if kept == 'server' else ''}"
        return MASK


@lru_cache(maxsize=1_000)
def names_a_secret(name: str) -> bool:
    """Whether a field of this name holds a secret, whatever its value looks like."""
    return bool(_SECRET_NAME.search(name))


def secrets_in(value: str) -> set[str]:
    """What may be quoted of a setting that is secret: itself, or the password of a URL, as written and as read."""
    if "://" not in value:
        return {value, *(part.strip() for part in value.split(","))}
    try:
        password = urlsplit(value).password
    except ValueError:
        password = None
    return {password, unquote(password)} if password else set()


def _is_telling(text: str) -> bool:
    # "postgres" as a password is no secret, and to mask it would make lines unreadable.
    return len(text) >= _LEAST_LITERAL and not text.isalpha()


def _looks_random(run: str) -> bool:
    """Whether small letters, capitals and digits take turns as often as chance has them do: at 62 places in 100 of a
    key, 22 of CamelCase, none of snake_case. A key that does so seldom has all three of them."""
    kinds = [_CLASSES[c] for c in run if c in _CLASSES]
    return len(set(kinds)) == 3 or sum(a != b for a, b in pairwise(kinds)) > len(kinds) / 4
