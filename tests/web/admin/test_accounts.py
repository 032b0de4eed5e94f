"""Accounts on the admin pages: listed, found, shown, deleted."""

from tests.store.crowd import make_crowd, uuid_of
from tests.web.conftest import Visitor, text
from ttr.domain.telegram_login import TelegramAccount
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.admin_log import read_log
from ttr.store.redis import Store
from ttr.store.telegram import link
from ttr.store.users import user_by_id

SLUG = "Nightly <b>backup</b>"


async def test_the_list_pages_and_says_what_each_has(operator: Visitor, store: Store) -> None:
    assert "There is no account yet" in await operator.read("/admin/accounts")
    await make_crowd(store, 30)
    first = await operator.read("/admin/accounts")
    assert "Account 30</a>" in first
    assert "Account 6</a>" in first
    assert "Account 5</a>" not in first
    assert 'href="/admin/accounts?below=6"' in first
    rest = await operator.read("/admin/accounts?below=6")
    assert "Account 5</a>" in rest
    assert "Account 6</a>" not in rest
    assert 'rel="next"' not in rest
    assert 'href="/admin/accounts">Newest' in rest
    assert "no account further back" in await operator.read("/admin/accounts?below=1")


async def test_a_pasted_text_leads_to_its_account(operator: Visitor, store: Store) -> None:
    await make_crowd(store, 3)
    for word in (
        "2",
        "u2",
        "v2",
        uuid_of(2),
        f"https://ttr.example/ping/{uuid_of(2)}",
        "http://x/p/u2/job-2",
    ):
        response = await operator.post("/admin/accounts/find", q=word)
        assert (response.status_code, response.headers["Location"]) == (303, "/admin/accounts/2"), word
    for word in ("nobody", "999", '"><script>alert(1)</script>', "x" * 5_000):
        response = await operator.post("/admin/accounts/find", q=word)
        page = await text(response)
        assert response.status_code == 200
        assert "No account is called that" in page
        assert "<script>alert" not in page
    assert (await operator.post("/admin/accounts/find", q=" ")).headers["Location"] == "/admin/accounts"
    await store.redis.set(keys.user_slug("2"), 3)
    page = await text(await operator.post("/admin/accounts/find", q="2"))
    assert "Account 2</a>" in page
    assert "Account 3</a>" in page


async def test_an_accounts_page_holds_its_checks_and_no_secret(operator: Visitor, owner: Visitor) -> None:
    user = owner.user
    assert user
    await owner.make_check(name=SLUG)
    await owner.make_channel()
    page = await operator.read(f"/admin/accounts/{user.id}")
    assert "Nightly &lt;b&gt;backup&lt;/b&gt;" in page
    assert user.public_slug in page
    assert user.key
    for secret in (user.user_slug, user.data_key, user.key.digest, "t0p-s3cret"):
        assert secret not in page


async def test_an_account_is_deleted_by_its_number(operator: Visitor, owner: Visitor, store: Store) -> None:
    user = owner.user
    assert user
    address = f"/admin/accounts/{user.id}/delete"
    await owner.make_check()
    assert "It has 1 check and 0 channels." in await operator.read(address)
    for number in ("", "0", f"{user.id} ok", "DELETE", f"{user.id}0"):
        response = await operator.post(address, number=number)
        assert response.status_code == 422, number
        assert "Type the account" in await text(response)
    assert await user_by_id(store, user.id) is not None
    response = await operator.post(address, number=f" {user.id} ")
    assert (response.status_code, response.headers["Location"]) == (303, "/admin/accounts")
    assert await user_by_id(store, user.id) is None
    assert (await owner.get("/dashboard")).headers["Location"] == "/"
    (deed, *_) = await read_log(store)
    assert (deed.admin, deed.what, deed.about) == ("ops", "deleted the account", f"account {user.id}")
    assert (await operator.post(address, number=str(user.id))).status_code == 404


async def test_who_logs_in_by_telegram_is_told_as_text(
    operator: Visitor, owner: Visitor, store: Store
) -> None:
    user = owner.user
    assert user
    assert "<dt>Telegram</dt>" not in await operator.read(f"/admin/accounts/{user.id}")
    await link(store, user, TelegramAccount(5_000_000_000, "Ann <b>", "ann"), now=now_ms())
    assert "Ann &lt;b&gt; (@ann)" in await operator.read(f"/admin/accounts/{user.id}")
