"""The page of an account's slugs: looked up while they are typed, changed, ended."""

from html import unescape
from typing import Any

import pytest
from quart import Quart

from tests.conftest import MASTER_KEY
from tests.web.conftest import Visitor, as_operator, text
from ttr import accounts
from ttr.accounts import SLUG_IS_FIXED, rename
from ttr.app import create_app
from ttr.domain.allowance import DEFAULTS, parse_limits
from ttr.domain.limits import ACCOUNT_SLUG_MIN, SLUG_MAX
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import keys
from ttr.store.account_slugs import FORMER_MAX, former_slugs
from ttr.store.redis import Store
from ttr.store.users import User, create_user, user_by_id

PAGE = "/account/names"
FAMILIES = ("user_slug", "public_slug")


async def said_of(owner: Visitor, family: str, slug: str) -> str:
    response = await owner.client.get(
        f"{PAGE}/slug", query_string={"family": family, "slug": slug}, headers={"HX-Request": "true"}
    )
    assert response.status_code == 200
    return unescape(await text(response)).strip()


async def slugs_of(store: Store, user: User) -> tuple[str, str]:
    found = await user_by_id(store, user.id)
    assert found
    return found.user_slug, found.public_slug


async def test_the_page_shows_both_slugs_and_what_begins_with_them(
    owner: Visitor, account: tuple[User, str]
) -> None:
    page = await owner.read(PAGE)
    assert f"http://localhost/p/{account[0].user_slug}/" in page
    assert f"http://localhost/s/{account[0].public_slug}/" in page
    assert 'href="/account/names" aria-current="page"' in page
    for path in ("/account", PAGE, "/account/delete"):
        assert f'href="{path}"' in page


@pytest.mark.parametrize("family", FAMILIES)
async def test_what_is_typed_is_looked_up(
    owner: Visitor, account: tuple[User, str], store: Store, family: str
) -> None:
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    theirs, own = getattr(stranger, family), getattr(account[0], family)
    free = await said_of(owner, family, "acme-jobs")
    assert "acme-jobs is free." in free
    assert f"/{'p' if family == 'user_slug' else 's'}/acme-jobs/" in free
    assert "Another account has this slug." in await said_of(owner, family, theirs)
    assert await said_of(owner, family, own) == ""
    assert await said_of(owner, family, "") == ""
    for slug, fault in (
        ("a" * (ACCOUNT_SLUG_MIN - 1), "3 to 100"),
        ("a" * (SLUG_MAX + 1), "3 to 100"),
        ("<script>", "Only a-z"),
        ("e5b0a4f2-7a3f-4d6c-9a53-0d3f4f9a1c11", "UUID"),
    ):
        assert fault in await said_of(owner, family, slug)
    for slug in ("a" * ACCOUNT_SLUG_MIN, "a" * SLUG_MAX):
        assert "is free" in await said_of(owner, family, slug)


async def test_a_look_up_changes_nothing(owner: Visitor, account: tuple[User, str], store: Store) -> None:
    before = sorted(await store.redis.keys("*acme-jobs*"))
    await said_of(owner, "user_slug", "acme-jobs")
    assert sorted(await store.redis.keys("*acme-jobs*")) == before == []
    assert await slugs_of(store, account[0]) == (account[0].user_slug, account[0].public_slug)


@pytest.mark.parametrize("family", ["", "name", "user_slug;", "telegram"])
async def test_another_kind_of_slug_is_not_there(owner: Visitor, family: str) -> None:
    assert (await owner.get(f"{PAGE}/slug?family={family}&slug=acme")).status_code == 404
    assert (await owner.post(PAGE, family=family, slug="acme-jobs")).status_code == 404


async def test_a_new_ping_slug_is_taken_and_the_one_before_goes_on(
    owner: Visitor, account: tuple[User, str], store: Store
) -> None:
    user, _ = account
    response = await owner.post(PAGE, family="user_slug", slug=" acme-jobs ")
    assert (response.status_code, response.headers["Location"]) == (303, PAGE)
    page = await owner.read(PAGE)
    assert "/p/acme-jobs/" in page
    assert f"<code>{user.user_slug}</code>" in page
    assert await slugs_of(store, user) == ("acme-jobs", user.public_slug)


async def test_a_new_public_slug_leaves_none_behind(
    owner: Visitor, account: tuple[User, str], store: Store
) -> None:
    user, _ = account
    assert (await owner.post(PAGE, family="public_slug", slug="acme-inc")).status_code == 303
    assert await slugs_of(store, user) == (user.user_slug, "acme-inc")
    assert await former_slugs(store, user, now_ms()) == []


async def test_a_slug_that_can_not_be_had_stays_in_its_field_with_the_reason(
    owner: Visitor, account: tuple[User, str], store: Store
) -> None:
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    for slug, reason in (
        (stranger.user_slug, "Another account has this slug."),
        ("<b>", "Only a-z"),
        ("", "3 to 100"),
    ):
        response = await owner.post(PAGE, family="user_slug", slug=slug)
        page = unescape(await text(response))
        assert response.status_code == 422
        assert reason in page
        assert f'name="slug" type="text" value="{slug}"' in page
    assert await slugs_of(store, account[0]) == (account[0].user_slug, account[0].public_slug)


async def test_a_sixth_former_slug_is_refused_with_what_to_do(
    owner: Visitor, account: tuple[User, str], store: Store
) -> None:
    for number in range(FORMER_MAX):
        await owner.post(PAGE, family="user_slug", slug=f"slug-{number}")
    response = await owner.post(PAGE, family="user_slug", slug="slug-9")
    assert response.status_code == 422
    assert "end one first" in await text(response)
    assert (await slugs_of(store, account[0]))[0] == f"slug-{FORMER_MAX - 1}"


async def test_a_former_slug_ends_after_a_question(
    owner: Visitor, account: tuple[User, str], store: Store
) -> None:
    user, _ = account
    await rename(store, user, user_slug="acme-jobs", public_slug=None, now=now_ms())
    path = f"{PAGE}/former/{user.user_slug}/end"
    assert f'href="{path}"' in await owner.read(PAGE)
    asked = await owner.read(path)
    assert f"/p/{user.user_slug}/" in asked
    assert 'name="sure" value="yes"' in asked
    response = await owner.post(path)  # without its yes
    assert response.headers["Location"] == path
    assert len(await former_slugs(store, user, now_ms())) == 1
    assert (await owner.post(path, sure="yes")).headers["Location"] == PAGE
    assert await former_slugs(store, user, now_ms()) == []
    assert (await owner.get(path)).status_code == 404
    assert (await owner.post(path, sure="yes")).status_code == 404


async def test_another_accounts_former_slug_is_not_there(owner: Visitor, store: Store) -> None:
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    await rename(store, stranger, user_slug="theirs", public_slug=None, now=now_ms())
    path = f"{PAGE}/former/{stranger.user_slug}/end"
    assert (await owner.get(path)).status_code == 404
    assert (await owner.post(path, sure="yes")).status_code == 404
    assert len(await former_slugs(store, stranger, now_ms())) == 1


async def test_where_ping_slugs_are_fixed_the_page_and_the_form_say_so(
    app: Quart, owner: Visitor, account: tuple[User, str], store: Store, settings: Settings
) -> None:
    app.extensions["ttr_settings"] = settings.model_copy(update={"user_slug_enabled": False})
    page = await owner.read(PAGE)
    assert "It can't be changed here" in unescape(page)
    assert 'id="user_slug"' not in page
    response = await owner.post(PAGE, family="user_slug", slug="acme-jobs")
    assert response.status_code == 403
    assert SLUG_IS_FIXED in unescape(await text(response))
    assert (await owner.post(PAGE, family="public_slug", slug="acme-inc")).status_code == 303
    assert await slugs_of(store, account[0]) == (account[0].user_slug, "acme-inc")


@pytest.mark.parametrize("ending", [False, True])
async def test_an_account_that_ends_meanwhile_is_logged_out(
    owner: Visitor, account: tuple[User, str], store: Store, monkeypatch: pytest.MonkeyPatch, *, ending: bool
) -> None:
    user, _ = account
    change = accounts.end_former_slug if ending else accounts.rename

    async def too_late(*given: Any, **more: Any) -> None:
        await accounts.delete_account(store, user, now=now_ms())
        await change(*given, **more)

    monkeypatch.setattr(accounts, change.__name__, too_late)
    if ending:
        response = await owner.post(f"{PAGE}/former/acme/end", sure="yes")
    else:
        response = await owner.post(PAGE, family="user_slug", slug="acme-jobs")
    assert (response.status_code, response.headers["Location"]) == (303, "/")


async def test_looking_up_never_uses_up_changes(
    settings: Settings, account: tuple[User, str], store: Store
) -> None:
    (most,) = (limit.count for limit in DEFAULTS if limit.zone == "slug")
    app = create_app(settings.model_copy(update={"rate_limits": parse_limits("slug=3/3600,account=1/3600")}))
    async with app.test_app():
        owner = Visitor(app.test_client())
        await owner.post("/login", auth_key=account[1])
        for number in range(3):
            assert "is free" in await said_of(owner, "user_slug", f"acme-{number}")
        assert "Looked up too often" in await said_of(owner, "user_slug", "acme-3")
        # What needs no look, because it is no slug or the account's own, costs nothing and is still said.
        assert "3 to 100" in await said_of(owner, "user_slug", "x")
        assert (await owner.post(PAGE, family="user_slug", slug="acme-3")).status_code == 303
        assert (await owner.post(PAGE, family="user_slug", slug="acme-4")).status_code == 429
    assert most == 60


@pytest.mark.parametrize(
    ("path", "form"),
    [(PAGE, {"family": "public_slug", "slug": "acme-inc"}), (f"{PAGE}/former/x/end", {"sure": "yes"})],
)
async def test_an_operator_changes_no_names(
    owner: Visitor,
    account: tuple[User, str],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    form: dict[str, str],
) -> None:
    as_operator(monkeypatch)
    response = await owner.post(path, form)
    assert response.status_code == 403
    assert "Only the owner can do that" in await text(response)
    assert "Only the owner of the account can change it." in await owner.read(PAGE)
    assert await slugs_of(store, account[0]) == (account[0].user_slug, account[0].public_slug)
    assert await store.redis.exists(keys.user_slug(account[0].user_slug))
