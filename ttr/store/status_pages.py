"""Status pages: made, found, changed and deleted; each change is one script run."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import cast
from uuid import uuid4

from ttr.domain.invalid import Contradiction, FieldError
from ttr.domain.preferences import SCHEMES, THEMES
from ttr.domain.status_page import (
    LAYOUTS,
    Entry,
    EntryKind,
    Level,
    Notice,
    StatusPage,
    StatusPageSettings,
    Visibility,
)
from ttr.store import keys
from ttr.store.codec import to_hash
from ttr.store.errors import NotFound, PageSlugTaken, QuotaReached, StoreUnavailable
from ttr.store.numbers import draw_numbers
from ttr.store.redis import Store, store_trouble
from ttr.store.users import User

# An edit is lost only to another edit of the same page in between.
_TURNS = 5


async def create_status_page(
    store: Store,
    user: User,
    settings: StatusPageSettings,
    *,
    now: int,
    most: int,
    number: int | None = None,
) -> StatusPage:
    """A new page, under a `number` that was drawn before or a new one.

    Raises Contradiction (a check that is not the account's), PageSlugTaken, QuotaReached (above `most`).
    """
    await _judge_checks(store, user, settings)
    page_id = (await draw_numbers(store, "status-page"))[0] if number is None else number
    with store_trouble():
        answer = await store.scripts.run(
            "create_status_page",
            user.partition,
            [user.id, page_id, str(uuid4()), now, _revision(), settings.slug, most, *_fields(settings)],
        )
    match answer[0]:
        case b"unknown":
            raise NotFound("this account is gone")
        case b"quota":
            raise QuotaReached(f"Your account has {most:,} status pages, as many as it may have.")
        case b"slug_taken":
            raise PageSlugTaken(int(answer[1]))
    return await get_status_page(store, user, page_id)


async def update_status_page(
    store: Store,
    user: User,
    page_id: int,
    change: Callable[[StatusPageSettings], StatusPageSettings],
    *,
    now: int,
) -> StatusPage:
    """Replace a page's settings by what `change` makes of them; it may run again if another edit came between.

    `change` gets them without the checks that are gone, as they are shown; what it leaves as it was is not written.
    Raises NotFound, Contradiction (a check that is not the account's), PageSlugTaken, and whatever `change` raises.
    """
    for _ in range(_TURNS):
        page = await get_status_page(store, user, page_id)
        there = await checks_there(store, user, page.settings.check_ids)
        before = page.settings.with_checks_of(there)
        settings = change(before)
        if settings == before:
            return page
        await _judge_checks(store, user, settings, known=there)
        with store_trouble():
            answer = await store.scripts.run(
                "update_status_page",
                user.partition,
                [user.id, page_id, page.revision, _revision(), now, settings.slug, *_fields(settings)],
            )
        match answer[0]:
            case b"unknown":
                raise NotFound("no such status page")
            case b"slug_taken":
                raise PageSlugTaken(int(answer[1]))
            case b"updated":
                return await get_status_page(store, user, page_id)
    raise StoreUnavailable("this page is edited by others all the time; try again")


async def list_status_pages(store: Store, user: User) -> list[StatusPage]:
    """All pages of the account, oldest first."""
    with store_trouble():
        numbers = await store.redis.hvals(keys.page_slugs(user.partition, user.id))
        async with store.redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.hgetall(keys.status_page(user.partition, int(number)))
            hashes = await pipe.execute()
    return sorted((from_hash(to_hash(raw)) for raw in hashes if raw), key=lambda page: page.id)


async def get_status_page(store: Store, user: User, page_id: int) -> StatusPage:
    """The account's page with this number. Raises NotFound."""
    with store_trouble():
        raw = await store.redis.hgetall(keys.status_page(user.partition, page_id))
    if not raw or (page := from_hash(to_hash(raw))).user_id != user.id:
        raise NotFound("no such status page")
    return page


async def delete_status_page(store: Store, user: User, page_id: int) -> None:
    """Remove a page; its checks stay. Raises NotFound."""
    with store_trouble():
        gone = await store.scripts.run("delete_status_page", user.partition, [user.id, page_id])
    if not gone:
        raise NotFound("no such status page")


async def page_slug_holder(store: Store, user: User, slug: str) -> int | None:
    """The account's page that has this slug; None when it is free."""
    with store_trouble():
        found = await store.redis.hget(keys.page_slugs(user.partition, user.id), slug)
    return None if found is None else int(found)


def from_hash(fields: Mapping[str, str]) -> StatusPage:
    """A page from its hash. A theme or layout that is no more becomes the first one."""
    get = fields.get
    notice = None
    if get("notice_at"):
        notice = Notice(cast(Level, fields["notice_level"]), fields["notice_text"], int(fields["notice_at"]))
    theme, scheme, layout = get("theme", ""), get("scheme", ""), get("layout", "")
    return StatusPage(
        id=int(fields["id"]),
        uuid=fields["uuid"],
        user_id=int(fields["user_id"]),
        settings=StatusPageSettings(
            name=fields["name"],
            slug=fields["slug"],
            visibility=cast(Visibility, get("visibility", "off")),
            layout=layout if layout in LAYOUTS else LAYOUTS[0],
            theme=theme if theme in THEMES else THEMES[0],
            scheme=scheme if scheme in SCHEMES else "system",
            intro=get("intro", ""),
            notice=notice,
            entries=tuple(
                Entry(cast(EntryKind, kind), value) for kind, value in json.loads(get("entries") or "[]")
            ),
        ),
        created_at=int(fields["created_at"]),
        changed_at=int(fields["changed_at"]),
        revision=fields["revision"],
    )


async def checks_there(store: Store, user: User, check_ids: Sequence[int]) -> frozenset[int]:
    """Which of these checks the account has."""
    if not check_ids:
        return frozenset()
    with store_trouble():
        found = await store.redis.zmscore(keys.user_checks(user.partition, user.id), list(check_ids))
    return frozenset(check for check, score in zip(check_ids, found, strict=True) if score is not None)


async def _judge_checks(
    store: Store, user: User, settings: StatusPageSettings, known: frozenset[int] = frozenset()
) -> None:
    """Raise Contradiction unless each chosen check is the account's. Those of the page as it was (`known`) are not
    asked about again."""
    asked = [check for check in settings.check_ids if check not in known]
    there = await checks_there(store, user, asked)
    if missing := [check for check in asked if check not in there]:
        raise Contradiction([FieldError("entries", f"You have no check {missing[0]}.")])


def _fields(settings: StatusPageSettings) -> list[str | int]:
    notice = settings.notice
    fields: dict[str, str | int] = {
        "name": settings.name,
        "visibility": settings.visibility,
        "layout": settings.layout,
        "theme": settings.theme,
        "scheme": settings.scheme,
        "intro": settings.intro,
        "notice_level": notice.level if notice else "",
        "notice_text": notice.text if notice else "",
        "notice_at": notice.at if notice else "",
        "entries": json.dumps([[entry.kind, entry.value] for entry in settings.entries]),
    }
    return [part for pair in fields.items() for part in pair]


def _revision() -> str:
    # Chosen by the caller: a script repeated after a lost connection finds its own.
    return secrets.token_hex(8)
