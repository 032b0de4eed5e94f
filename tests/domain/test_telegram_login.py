"""Logins by Telegram: what its signature proves, and in which browser."""

import hashlib
import hmac

import pytest

from ttr.domain.telegram_login import (
    NAME_MAX,
    SKEW_SECONDS,
    STATE_FORM,
    STATE_SECONDS,
    VALUE_MAX,
    BadTelegramLogin,
    SignedLogin,
    TelegramAccount,
    judge_state,
    new_state,
    read_login,
    telegram_account,
)

TOKEN = "1234:s3cr3t-token-of-a-bot"
NOW = 1_790_000_000_000
ADA = {"id": "5000000001", "first_name": "Ada", "last_name": "Lovelace", "username": "ada"}
ADA |= {"photo_url": "https://t.me/i/userpic/320/ada.jpg", "auth_date": str(NOW // 1_000)}


def signed(fields: dict[str, str], token: str = TOKEN) -> dict[str, str]:
    """The fields with Telegram's signature, as its documentation makes it."""
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    key = hashlib.sha256(token.encode()).digest()
    return {**fields, "hash": hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()}


def read(fields: dict[str, str], now: int = NOW, max_age: int = 300) -> SignedLogin:
    return read_login(fields.items(), bot_token=TOKEN, now=now, max_age_seconds=max_age)


def test_a_signature_is_that_of_the_documentation() -> None:
    # printf 'auth_date=1\nid=2' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf 1:a | sha256sum | cut -c1-64)
    told = "2b92bdb7acb4c9c0c250ff8f46374562716dce524e067cde76cf171072b2b9cd"
    fields = [("auth_date", "1"), ("id", "2"), ("hash", told)]
    login = read_login(fields, bot_token="1:a", now=1_000, max_age_seconds=30)
    assert login.account == TelegramAccount(2, "Telegram user 2", "")


def test_the_signed_fields_say_who_it_is() -> None:
    assert read(signed(ADA)).account == TelegramAccount(5_000_000_001, "Ada Lovelace", "ada")
    assert read(signed(ADA)).account.shown == "Ada Lovelace (@ada)"
    least = {"id": "1", "auth_date": ADA["auth_date"]}
    assert read(signed(least)).account.shown == "Telegram user 1"


def test_the_same_login_has_the_same_digest_and_another_one_another() -> None:
    first, again = read(signed(ADA)), read(dict(reversed(signed(ADA).items())))
    assert first.digest == again.digest
    assert len(first.digest) == 64
    assert signed(ADA)["hash"] not in first.digest
    assert read(signed(ADA | {"auth_date": str(NOW // 1_000 - 1)})).digest != first.digest


@pytest.mark.parametrize("name", [*ADA, "hash"])
def test_no_field_can_be_changed_left_out_or_sent_twice(name: str) -> None:
    good = signed(ADA)
    for changed in (
        good | {name: good[name] + "1"},
        good | {name: ""},
        {key: value for key, value in good.items() if key != name},
    ):
        with pytest.raises(BadTelegramLogin):
            read(changed)
    twice = [*good.items(), (name, good[name])]
    with pytest.raises(BadTelegramLogin, match="changed on the way"):
        read_login(twice, bot_token=TOKEN, now=NOW, max_age_seconds=300)


@pytest.mark.parametrize("name", ["phone", "state", "Id", "id ", "", "is_admin", "id[]"])
def test_fields_that_telegram_does_not_sign_are_refused_even_when_signed(name: str) -> None:
    with pytest.raises(BadTelegramLogin, match="changed on the way"):
        read(signed({**ADA, name: "1"}))


@pytest.mark.parametrize(
    "told",
    ["", "0" * 64, "A" * 64, "é" * 64, "0" * 63, "0" * 65, "none", "\ud800"],
)
def test_another_signature_is_refused(told: str) -> None:
    with pytest.raises(BadTelegramLogin, match="not signed by Telegram"):
        read({**ADA, "hash": told})


def test_a_signature_in_capitals_is_another_spelling_and_refused() -> None:
    good = signed(ADA)
    with pytest.raises(BadTelegramLogin):
        read(good | {"hash": good["hash"].upper()})


def test_another_bots_signature_is_refused() -> None:
    for token in ("1234:another-token-of-a-bot", "", TOKEN + " "):
        with pytest.raises(BadTelegramLogin, match="not signed"):
            read(signed(ADA, token))


def test_a_name_can_not_hold_the_next_fields() -> None:
    # What Telegram would sign for somebody with this name ...
    theirs = {"id": "666", "first_name": "A\nid=111\nlast_name=", "auth_date": ADA["auth_date"]}
    told = signed(theirs)["hash"]
    # ... is also what it would sign for the id 111 with this last name.
    forged = {"id": "111", "first_name": "A", "last_name": "\nid=666", "auth_date": ADA["auth_date"]}
    assert signed(forged)["hash"] == told
    for fields in (theirs, forged):
        with pytest.raises(BadTelegramLogin, match="changed on the way"):
            read({**fields, "hash": told})


@pytest.mark.parametrize(("age", "good"), [(0, True), (300, True), (301, False), (-60, True), (-61, False)])
def test_a_login_is_fresh_for_its_time_and_never_from_the_future(age: int, good: bool) -> None:
    fields = signed(ADA | {"auth_date": str(NOW // 1_000 - age)})
    if good:
        read(fields)
    else:
        with pytest.raises(BadTelegramLogin, match="too old" if age > 0 else "future"):
            read(fields)


@pytest.mark.parametrize("date", ["", "0", "-1", "1e9", "\u0661\u0667", " 1790000000", "9" * 13])
def test_a_date_that_is_none_is_refused(date: str) -> None:
    with pytest.raises(BadTelegramLogin):
        read(signed(ADA | {"auth_date": date}))


@pytest.mark.parametrize("number", ["1", "2147483648", str(2**52), str(2**63 - 1)])
def test_ids_of_64_bits_are_taken_whole(number: str) -> None:
    assert read(signed(ADA | {"id": number})).account.id == int(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "0",
        "-1",
        "01",
        "+1",
        "1.0",
        "0x1",
        "1_000",
        "\u0661",
        str(2**63),
        "9" * 19,
        "1" * 1_000,
        "None",
        "True",
    ],
)
def test_what_is_no_id_is_refused(number: str) -> None:
    with pytest.raises(BadTelegramLogin, match="not a number of theirs"):
        read(signed(ADA | {"id": number}))


def test_the_bot_s_json_is_judged_by_the_same_rules() -> None:
    assert telegram_account(7, "Ada", None, 5) == TelegramAccount(7, "Ada", "")
    for number in (True, None, 0, -1, 1.0, 2**63, [7], "7 "):
        with pytest.raises(BadTelegramLogin):
            telegram_account(number, "Ada", "", "")


def test_names_become_one_short_line_without_tricks() -> None:
    assert telegram_account(1, "A\u202eda\u200b", "\u2066x\u2069  y", "").name == "Ada x y"
    assert telegram_account(1, "\u202e", " ", "").name == "Telegram user 1"
    long = telegram_account(1, "x" * 64, "y" * 64, "").name
    assert (len(long), len(telegram_account(1, "x" * 500, "y" * 500, "").name)) == (129, NAME_MAX)
    for username in ("a b", "<b>", "x" * 33, "@ada", "é"):
        assert telegram_account(1, "Ada", "", username).username == ""


def test_a_value_is_bounded() -> None:
    assert read(signed(ADA | {"photo_url": "x" * VALUE_MAX}))
    with pytest.raises(BadTelegramLogin):
        read(signed(ADA | {"photo_url": "x" * (VALUE_MAX + 1)}))


def test_a_state_is_good_for_its_purpose_and_browser() -> None:
    state = new_state("key", "link", "browser", NOW)
    judge_state(state, "key", "link", "browser", NOW)
    judge_state(state, "key", "link", "browser", NOW + STATE_SECONDS * 1_000)
    for key, purpose, browser in (
        ("other", "link", "browser"),
        ("key", "login", "browser"),
        ("key", "link", "another"),
        ("key", "link", ""),
    ):
        with pytest.raises(BadTelegramLogin, match="another browser"):
            judge_state(state, key, purpose, browser, NOW)  # type: ignore[arg-type]
    for now in (NOW + (STATE_SECONDS + 1) * 1_000, NOW - (SKEW_SECONDS + 1) * 1_000):
        with pytest.raises(BadTelegramLogin, match="open for too long"):
            judge_state(state, "key", "link", "browser", now)


def test_no_browser_has_no_state() -> None:
    with pytest.raises(BadTelegramLogin):
        judge_state(new_state("key", "link", "", NOW), "key", "link", "", NOW)


@pytest.mark.parametrize(
    "state", ["", "x", "A" * 40, "é" * 40, "A" * 39, "A" * 41, "=" * 40, "A" * 39 + "\n"]
)
def test_what_is_no_state_is_refused(state: str) -> None:
    with pytest.raises(BadTelegramLogin):
        judge_state(state, "key", "link", "browser", NOW)


def test_no_character_of_a_state_can_be_changed() -> None:
    state = new_state("key", "link", "browser", NOW)
    for at, letter in enumerate(state):
        changed = state[:at] + ("A" if letter != "A" else "B") + state[at + 1 :]
        with pytest.raises(BadTelegramLogin):
            judge_state(changed, "key", "link", "browser", NOW)


def test_a_state_fits_into_the_start_of_a_bot() -> None:
    state = new_state("key", "link", "browser", NOW)
    assert STATE_FORM.fullmatch(state)
    assert len(f"link-{state}") <= 64
