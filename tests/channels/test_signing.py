"""The signing secrets: what they look like, how long an old one counts, and the spec's own example."""

import base64

import pytest

from ttr.channels.signing import new_signing_secret, signatures, signing_list, with_new_secret

NOW = 1_795_359_600_000
DAY = 86_400_000


def test_a_secret_is_32_random_bytes_behind_its_prefix() -> None:
    made = {new_signing_secret() for _ in range(50)}
    assert len(made) == 50
    for secret in made:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
        assert " " not in secret


def test_the_signature_is_the_one_that_the_specification_gives() -> None:
    secret = "whsec_plJ3nmyCDGBKInavdOK15jsl"
    body = b'{"event_type":"ping","data":{"success":true}}'
    assert signatures(secret, "msg_loFOjxBNrRLzqYUf", 1_731_705_121, body) == (
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
    )


def test_each_secret_signs_and_none_signs_nothing() -> None:
    one, two = new_signing_secret(), new_signing_secret()
    both = signatures(f"{one} {two}", "d1-c1", 1, b"{}")
    assert both.split(" ") == [signatures(one, "d1-c1", 1, b"{}"), signatures(two, "d1-c1", 1, b"{}")]
    assert signatures("", "d1-c1", 1, b"{}") == ""


@pytest.mark.parametrize("secret", ["s3cr3t", "whsec_not*base64", "whsec_abc"])
def test_a_broken_secret_is_an_error_that_does_not_quote_it(secret: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        signatures(secret, "d1-c1", 1, b"{}")
    assert secret not in str(caught.value)


def test_after_a_change_both_secrets_are_valid_for_a_day() -> None:
    kept = {"webhook_url": "https://x.example", "signing": "old"}
    changed = with_new_secret(kept, "new", NOW)
    assert changed["webhook_url"] == "https://x.example"
    assert signing_list(changed, NOW) == signing_list(changed, NOW + DAY - 1) == "new old"
    assert signing_list(changed, NOW + DAY) == "new"


def test_a_second_change_ends_the_oldest_secret_at_once() -> None:
    changed = with_new_secret(with_new_secret({"signing": "one"}, "two", NOW), "three", NOW + 1_000)
    assert signing_list(changed, NOW + 2_000) == "three two"


def test_a_channel_without_a_secret_has_none_and_its_first_has_no_older_one() -> None:
    assert signing_list({}, NOW) == ""
    assert signing_list(with_new_secret({}, "first", NOW), NOW) == "first"
