"""/api/v1/user: the account itself: what it is, another key, other slugs, the end. A key is shown once."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from quart import Response, request
from typing_extensions import TypedDict

from ttr import accounts, current
from ttr.api.access_keys import KeyJson, keys_json
from ttr.api.auth import caller, key_of
from ttr.api.body import body_bytes, private
from ttr.api.describe import Moment, operation
from ttr.domain.account_slug import FORM, account_slug_fault
from ttr.domain.invalid import Contradiction, FieldError, parse_form, parse_json
from ttr.domain.moments import iso
from ttr.now import now_ms
from ttr.store import telegram
from ttr.store.account_slugs import FORMER_MAX, Family, former_slugs, is_free
from ttr.store.errors import AccountSlugTaken
from ttr.store.users import User, account_facts


def _say_slugs(schema: dict[str, Any]) -> None:
    """One of the two at least."""
    for field in schema["properties"].values():
        field["anyOf"] = [FORM, {"type": "null"}]
    schema["anyOf"] = [{"properties": {name: FORM}, "required": [name]} for name in schema["properties"]]
    schema["examples"] = [{"slug": "acme-jobs"}]


class SlugsInput(BaseModel):
    """New slugs; what is not sent stays as it is."""

    model_config = ConfigDict(json_schema_extra=_say_slugs)

    slug: str | None = Field(
        None,
        description="The one in ping URLs: 3 to 100 of a-z, 0-9, _ and -, no UUID. Whoever guesses it may ping.",
    )
    public_slug: str | None = Field(None, description="The one in what is published, of the same form.")

    @field_validator("slug", "public_slug")
    @classmethod
    def _form(cls, value: str | None) -> str | None:
        if value is not None and (fault := account_slug_fault(value)):
            raise ValueError(fault)
        return value

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.slug is None and self.public_slug is None:
            raise ValueError("Send slug, public_slug or both.")
        return self


class SlugsQuery(BaseModel):
    """The slug that is asked about."""

    slug: str = Field(json_schema_extra=FORM, examples=["acme-jobs"])
    family: Family = Field("user_slug", description="The one in ping URLs, or the one in what is published.")

    @field_validator("slug")
    @classmethod
    def _form(cls, value: str) -> str:
        if fault := account_slug_fault(value):
            raise ValueError(fault)
        return value


class FormerSlugJson(TypedDict):
    """A slug under which pings still find the account."""

    slug: str
    until: Moment


class LimitsJson(TypedDict):
    """How much the account may have."""

    checks: int
    channels: int
    status_pages: int
    pings_per_check: Annotated[int, Field(description="Pings that a check's log keeps.")]
    body_bytes: Annotated[int, Field(description="Bytes of ping bodies that are kept.")]
    former_slugs: int


class UserJson(TypedDict):
    """The account."""

    id: int
    slug: Annotated[str, Field(description="The same as user_slug.")]
    user_slug: Annotated[str, Field(description="The slug in ping URLs. Keep it to yourself.")]
    public_slug: Annotated[str, Field(description="The slug in what is published.")]
    created_at: Moment
    keys: list[KeyJson]
    former_slugs: list[FormerSlugJson]
    telegram_user_id: Annotated[
        int | None, Field(description="The Telegram account that logs in to it; null when none is linked.")
    ]
    telegram_first_name: Annotated[str | None, Field(description="What it was called when it was linked.")]
    telegram_username: Annotated[str | None, Field(description="Its user name then, without @.")]
    checks: Annotated[int, Field(description="How many it has.")]
    channels: Annotated[int, Field(description="How many it has.")]
    status_pages: Annotated[int, Field(description="How many it has.")]
    limits: LimitsJson


class NewKeyJson(TypedDict):
    """The access key from now on. It is shown here and never again."""

    auth_key: str


@operation("Show the account", tag="Account", answers={200: UserJson})
async def show() -> Response:
    """The account of the access key, and how much it has and may have."""
    return private(await _user_json(await caller()))


@operation("Replace the access key", tag="Account", answers={200: NewKeyJson})
async def rotate_key() -> Response:
    """Get a new access key in place of the one that was sent. That one, and the logins it made, end here."""
    user = await caller("account")
    auth_key = await accounts.replace_key(current.store(), user, key_of(user), now=now_ms())
    answer: NewKeyJson = {"auth_key": auth_key}
    response = private(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


@operation("Change the slugs", tag="Account", body=SlugsInput, answers={200: UserJson}, refusals=(409,))
async def change_slugs() -> Response:
    """Give the account another slug in ping URLs, another one in what is published, or both.

    Pings under the slug before work for another 30 days; it can be taken back meanwhile, and nobody else gets it.
    409 when another account has the slug, there are five former slugs already, or ping slugs are fixed here.
    """
    user = await caller("account")
    wanted = parse_json(SlugsInput, await body_bytes())
    if wanted.slug is not None and not current.settings().user_slug_enabled:
        raise Contradiction([FieldError("slug", accounts.SLUG_IS_FIXED)])
    user = await accounts.rename(
        current.store(), user, user_slug=wanted.slug, public_slug=wanted.public_slug, now=now_ms()
    )
    return private(await _user_json(user))


@operation(
    "Check a slug of the account", tag="Account", query=SlugsQuery, answers={204: None}, refusals=(409,)
)
async def check_slugs() -> Response:
    """204 when the account could have the slug, also when it has it already; 409 when another account has it."""
    user = await caller("slug")
    wanted = parse_form(SlugsQuery, request.args)
    if not await is_free(current.store(), user, wanted.family, wanted.slug):
        raise AccountSlugTaken("slug")
    return _empty()


@operation("End a former slug", tag="Account", answers={204: None}, refusals=(409,))
async def end_former_slug(slug: str) -> Response:
    """Let a former slug go before its time: pings under it get 404, and another account may take it."""
    user = await caller("account")
    await accounts.end_former_slug(current.store(), user, slug, now=now_ms())
    return _empty()


@operation("Unlink Telegram", tag="Account", answers={204: None}, refusals=(409,))
async def unlink_telegram() -> Response:
    """Let the linked Telegram account log in no more, and log out whoever came in by it.

    409 when none is linked, or no access key that may do everything opens the account.
    """
    user = await caller("account")
    if not user.telegram_id:
        raise Contradiction([FieldError("", "No Telegram account is linked.")])
    await accounts.unlink_telegram(current.store(), user)
    return _empty()


@operation("Delete the account", tag="Account", answers={204: None})
async def delete() -> Response:
    """Delete the account with all its checks, channels and history. Nothing brings it back, and nobody is alerted."""
    await accounts.delete_account(current.store(), await caller("account"), now=now_ms())
    return _empty()


async def _user_json(user: User) -> UserJson:
    store, settings = current.store(), current.settings()
    facts = await account_facts(store, user)
    linked = await telegram.linked_telegram(store, user)
    return {
        "id": user.id,
        "slug": user.user_slug,
        "user_slug": user.user_slug,
        "public_slug": user.public_slug,
        "created_at": iso(user.created_at),
        "keys": await keys_json(user),
        "former_slugs": [
            {"slug": former.slug, "until": iso(former.until)}
            for former in await former_slugs(store, user, now_ms())
        ],
        "telegram_user_id": linked.account.id if linked else None,
        "telegram_first_name": linked.account.name if linked else None,
        "telegram_username": (linked.account.username or None) if linked else None,
        "checks": facts.checks,
        "channels": facts.channels,
        "status_pages": facts.status_pages,
        "limits": {
            "checks": settings.checks_per_account,
            "channels": settings.channels_per_account,
            "status_pages": settings.status_pages_per_account,
            "pings_per_check": settings.ping_log_entries,
            "body_bytes": settings.body_bytes_per_account,
            "former_slugs": FORMER_MAX,
        },
    }


def _empty() -> Response:
    return Response(status=204, headers={"Cache-Control": "no-store"})
