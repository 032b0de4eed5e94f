"""An account as a file, through the browser's forms."""

import json
from io import BytesIO
from typing import Any

import pytest
from quart import Quart, Response
from werkzeug.datastructures import FileStorage

from tests.api.test_moving import ANSWER, PING_KEY, largest
from tests.web.conftest import Visitor, as_operator, text
from ttr.domain.limits import IMPORT_BODY_MAX, PASSPHRASE_MAX, PASSPHRASE_MIN, SLUG_MAX
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.uploads import KEPT_SECONDS
from ttr.store.users import User
from ttr.web.transfer import SHOWN

CHECK = {
    "name": "Weekly report",
    "slug": "weekly",
    "schedule_type": "cron",
    "schedule": "0 6 * * 1",
    "tz": "UTC",
    "grace_seconds": 60,
}


def file(*checks: dict[str, Any], **more: object) -> bytes:
    return json.dumps({"version": 1, "checks": list(checks), **more}).encode()


async def send(who: Visitor, data: bytes, *, token: str | None = None, **fields: str) -> Response:
    """The import's form, as a browser sends it."""
    if not who.token:
        await who.post("/appearance")
    response: Response = await who.client.post(
        "/account/import",
        form={"csrf_token": who.token if token is None else token, **fields},
        files={"file": FileStorage(BytesIO(data), filename="account.json")},
    )
    return response


def upload_of(page: str) -> str:
    return page.partition('name="upload" value="')[2].partition('"')[0]


async def test_a_file_is_looked_at_and_then_imported_once(owner: Visitor) -> None:
    response = await send(owner, file(CHECK, {**CHECK, "name": "<b>Other</b>", "slug": "other"}))
    page = await text(response)
    assert response.status_code == 200
    assert "What would change" in page
    assert "&lt;b&gt;Other&lt;/b&gt;" in page
    assert "Nothing is watched yet" in await owner.read("/dashboard")  # so far nothing has changed

    done = await text(await owner.post("/account/import/run", upload=upload_of(page)))
    assert "2 checks made, 0 changed" in done
    assert "Weekly report" in await owner.read("/dashboard")

    again = await owner.post("/account/import/run", upload=upload_of(page))
    assert again.status_code == 422
    assert "not kept any more" in await text(again)


async def test_what_is_there_is_changed_or_left(owner: Visitor) -> None:
    for checks, said in (
        ((CHECK,), "1 check would be made, 0 changed, 0 left"),
        ((CHECK,), "0 checks would be made, 0 changed, 1 left"),
        (({**CHECK, "grace_seconds": 90},), "0 checks would be made, 1 changed, 0 left"),
    ):
        page = await text(await send(owner, file(*checks)))
        assert said in page
        await owner.post("/account/import/run", upload=upload_of(page))


async def test_status_pages_are_told_before_and_after(owner: Visitor) -> None:
    page = {"name": "<i>Prod</i>", "slug": "prod", "check_slugs": ["weekly", "gone"]}
    data = file(CHECK, status_pages=[page])
    look = await text(await send(owner, data))
    assert "1 status page would be made, 0 changed, 0 left as before." in look
    assert "Status pages to be made: 1" in look
    assert "&lt;i&gt;Prod&lt;/i&gt;" in look
    assert "checks that there are not: gone." in look
    done = await text(await owner.post("/account/import/run", upload=upload_of(look)))
    assert "1 status page made, 0 changed, 0 left as before." in done
    assert "Status pages made: 1" in done
    look = await text(await send(owner, file(CHECK, status_pages=[{**page, "intro": "New"}])))
    assert "0 status pages would be made, 1 changed, 0 left as before." in look
    assert "Status pages to be changed: 1" in look
    assert "status page" not in await text(await send(owner, file(CHECK)))
    wrong = await text(await send(owner, file(CHECK, status_pages=[{"name": "x"}])))
    assert "status_pages.0.slug" in wrong
    assert "Import this" not in wrong


async def test_a_file_with_wrong_entries_says_where_and_can_not_be_imported(owner: Visitor) -> None:
    page = await text(await send(owner, file(CHECK, {**CHECK, "slug": "x", "schedule": "99 * * * *"})))
    assert "This file can&#39;t be imported" in page or "This file can't be imported" in page
    assert "2. Weekly report" in page
    assert "Import this" not in page


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\x00", b"[1, 2]", b'{"version": 2, "checks": []}', b"null"]
)
async def test_what_is_no_account_file_is_said_beside_the_field(owner: Visitor, data: bytes) -> None:
    response = await send(owner, data)
    page = await text(response)
    if response.status_code == 200:
        assert "Nothing was changed" in page  # the list of entries says which
    else:
        assert response.status_code == 422
        assert 'id="file-error"' in page


async def test_long_lists_are_cut_and_counted(owner: Visitor) -> None:
    checks = [{**CHECK, "slug": f"s{n}", "name": f"Job {n}"} for n in range(SHOWN + 5)]
    page = await text(await send(owner, file(*checks)))
    assert f"Job {SHOWN - 1}<" in page or f"Job {SHOWN - 1} <" in page
    assert f"Job {SHOWN}<" not in page
    assert "And 5 more." in page


async def test_a_token_of_somebody_else_reads_and_keeps_nothing(
    owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    for token in ("", "x" * 32):
        response = await send(owner, file(CHECK), token=token)
        assert response.status_code == 403
    assert await store.redis.exists(keys.upload(account[0].id)) == 0


async def test_without_a_session_no_file_is_read(visitor: Visitor) -> None:
    response = await send(visitor, file(CHECK))
    assert (response.status_code, response.headers["Location"]) == (303, "/")


async def test_another_session_can_not_use_the_file(
    owner: Visitor, app: Quart, account: tuple[User, str]
) -> None:
    page = await text(await send(owner, file(CHECK)))
    other = Visitor(app.test_client())
    await other.post("/login", auth_key=account[1])
    assert (await other.post("/account/import/run", upload=upload_of(page))).status_code == 422
    assert (await owner.post("/account/import/run", upload=upload_of(page))).status_code == 200


async def test_an_export_holds_no_secret_unless_a_passphrase_seals_it(owner: Visitor) -> None:
    await owner.make_channel(name="Ops room")
    response = await owner.post("/account/export")
    assert response.headers["Content-Disposition"] == 'attachment; filename="ttr_rip_account_export.json"'
    plain = json.loads(await text(response))
    assert plain["channels"][0]["webhook_url"] is None

    word = "correct horse battery staple"
    sealed = await text(
        await owner.post("/account/export", with_secrets="on", passphrase=word, passphrase_again=word)
    )
    assert "t0p-s3cret" not in sealed
    assert json.loads(sealed)["channels"][0]["secrets"]
    # And back, through the form: a wrong passphrase is said beside its field.
    wrong = await send(owner, sealed.encode(), import_passphrase="not the one it was")
    assert wrong.status_code == 422
    assert 'id="import_passphrase-error"' in await text(wrong)
    assert (await send(owner, sealed.encode(), import_passphrase=word)).status_code == 200


@pytest.mark.parametrize(
    ("length", "taken"),
    [
        (PASSPHRASE_MIN - 1, False),
        (PASSPHRASE_MIN, True),
        (PASSPHRASE_MAX, True),
        (PASSPHRASE_MAX + 1, False),
    ],
)
async def test_a_passphrase_has_its_length(owner: Visitor, length: int, taken: bool) -> None:
    word = "x" * length
    response = await owner.post("/account/export", with_secrets="on", passphrase=word, passphrase_again=word)
    assert response.status_code == (200 if taken else 422)


async def test_two_passphrases_that_differ_are_none(owner: Visitor) -> None:
    response = await owner.post(
        "/account/export", with_secrets="on", passphrase="x" * 10, passphrase_again="y" * 10
    )
    assert response.status_code == 422
    assert "not the same" in await text(response)


async def test_a_look_says_that_the_ping_slug_would_change(owner: Visitor, account: tuple[User, str]) -> None:
    page = await text(await send(owner, file(CHECK, user_slug="acme-jobs")))
    assert "The user_slug becomes acme-jobs, unless another account has it" in page
    done = await text(await owner.post("/account/import/run", upload=upload_of(page)))
    assert "The ping slug has changed" in done
    page = await owner.read("/account/names")
    assert "acme-jobs" in page
    assert f"<code>{account[0].user_slug}</code>" in page  # the former one


async def test_a_body_above_the_limit_is_not_read(owner: Visitor) -> None:
    response = await send(owner, b" " * IMPORT_BODY_MAX)  # the form around it is too much
    assert response.status_code == 413
    assert "A file has at most 20 MB." in await text(response)


async def test_what_is_kept_shows_nothing_of_the_file(
    owner: Visitor, store: Store, account: tuple[User, str]
) -> None:
    page = await text(await send(owner, file(CHECK), import_passphrase="correct horse"))
    assert "correct horse" not in page
    kept = await store.redis.hgetall(keys.upload(account[0].id))
    assert b"Weekly report" not in b"".join(kept.values())
    assert b"correct horse" not in b"".join(kept.values())
    assert 0 < await store.redis.ttl(keys.upload(account[0].id)) <= KEPT_SECONDS


async def test_a_run_with_a_foreign_token_uses_nothing(owner: Visitor) -> None:
    page = await text(await send(owner, file(CHECK)))
    own, owner.token = owner.token, "x" * 96
    assert (await owner.post("/account/import/run", upload=upload_of(page))).status_code == 403
    owner.token = own
    assert (await owner.post("/account/import/run", upload=upload_of(page))).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        file({**CHECK, "name": "half \ud800"}),
        file(CHECK, user_slug="half \ud800"),
        file(CHECK, status_pages=[{"name": "Prod", "slug": "prod", "check_slugs": ["half \ud800"]}]),
    ],
)
async def test_half_a_character_in_a_file_is_shown_as_a_question_mark(owner: Visitor, data: bytes) -> None:
    response = await send(owner, data)
    assert (response.status_code, "half ?" in await text(response)) == (200, True)


async def test_checks_of_healthchecks_come_in_with_their_ping_key(owner: Visitor) -> None:
    look = await text(await send(owner, json.dumps(ANSWER).encode(), import_user_slug=f" {PING_KEY} "))
    assert "8 checks would be made" in look
    assert "Job 5 goes without its slug" in look
    assert f"The user_slug becomes {PING_KEY}" in look
    done = await text(await owner.post("/account/import/run", upload=upload_of(look)))
    assert "8 checks made" in done
    assert "Job 5 goes without its slug" in done
    assert "The ping slug has changed" in done
    assert f"/p/{PING_KEY}/" in await owner.read("/account/names")


async def test_a_ping_slug_that_none_can_be_stands_beside_its_field_as_it_was_typed(owner: Visitor) -> None:
    response = await send(owner, json.dumps(ANSWER).encode(), import_user_slug="<Caps>")
    page = await text(response)
    assert response.status_code == 422
    assert 'id="import_user_slug-error">Only a-z, 0-9' in page
    assert 'value="&lt;Caps&gt;"' in page
    assert 'id="file-error"' not in page


@pytest.mark.parametrize("typed", ["", PING_KEY])
async def test_a_fault_of_the_files_own_ping_slug_stands_under_the_file(owner: Visitor, typed: str) -> None:
    page = await text(await send(owner, file(CHECK, user_slug=5), import_user_slug=typed))
    assert 'id="file-error">user_slug: Text is needed.' in page
    assert 'id="import_user_slug-error"' not in page


@pytest.mark.parametrize("why", ["operator", "fixed"])
async def test_a_fault_of_a_slug_is_told_also_where_no_field_asks_for_one(
    owner: Visitor, app: Quart, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "operator":
        as_operator(monkeypatch)
    else:
        fixed = app.extensions["ttr_settings"].model_copy(update={"user_slug_enabled": False})
        monkeypatch.setitem(app.extensions, "ttr_settings", fixed)
    page = await text(await send(owner, file(CHECK, user_slug=5)))
    assert 'id="file-error">user_slug: Text is needed.' in page
    # The page was fetched when it still had the field.
    page = await text(await send(owner, file(CHECK), import_user_slug="Caps"))
    assert 'id="file-error">user_slug: Only a-z' in page


async def test_a_typed_ping_slug_of_any_length_comes_back_cut(owner: Visitor) -> None:
    response = await send(owner, json.dumps(ANSWER).encode(), import_user_slug="x" * 1_000_000)
    page = await text(response)
    assert response.status_code == 422
    assert f'value="{"x" * (SLUG_MAX + 1)}"' in page
    assert 'id="import_user_slug-error">3 to 100 characters.' in page


async def test_an_answer_to_a_read_only_key_is_told_beside_the_file(owner: Visitor) -> None:
    data = json.dumps({"checks": [{"name": "a", "grace": 60, "timeout": 60, "unique_key": "a6c7b0a8"}]})
    page = await text(await send(owner, data.encode()))
    assert 'id="file-error">Healthchecks tells a read-only API key no UUIDs' in page


async def test_a_large_answer_of_healthchecks_is_looked_at_and_kept(owner: Visitor) -> None:
    look = await text(await send(owner, largest()))
    assert "110 checks would be made" in look
    assert upload_of(look)


async def test_the_ping_slug_is_asked_for_where_it_can_be_changed(
    owner: Visitor, app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'name="import_user_slug"' in await owner.read("/account")
    fixed = app.extensions["ttr_settings"].model_copy(update={"user_slug_enabled": False})
    monkeypatch.setitem(app.extensions, "ttr_settings", fixed)
    assert 'name="import_user_slug"' not in await owner.read("/account")
    look = await text(await send(owner, json.dumps(ANSWER).encode(), import_user_slug=PING_KEY))
    assert f"The user_slug {PING_KEY} would be left out" in look
