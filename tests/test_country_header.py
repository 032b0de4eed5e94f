"""The country that a proxy tells, and whose word is taken."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttr.country_header import told_country

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
Headers = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    "name", ["cf-ipcountry", "cf_ipcountry", "x-geoip-country-code", "x_geoip_country_code"]
)
@pytest.mark.parametrize("peer", ["10.0.0.1", "fd00::1", "::ffff:10.0.0.1"])
def test_a_trusted_proxy_is_believed_under_any_of_the_names(peer: str, name: str) -> None:
    headers = [(b"host", b"ttr.test"), (name.encode(), b"DE"), (b"cf-ray", b"FR")]
    assert told_country(peer, headers, PROXIES) == "DE"


@pytest.mark.parametrize("peer", ["203.0.113.9", "127.0.0.1", "2001:db8::1", "", "rubbish"])
def test_nobody_else_is(peer: str) -> None:
    assert told_country(peer, [(b"cf-ipcountry", b"DE")], PROXIES) == ""


def test_no_proxy_is_trusted_unless_it_is_said_so() -> None:
    assert told_country("127.0.0.1", [(b"cf-ipcountry", b"DE")], []) == ""


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], ""),
        ([(b"cf-ipcountry", b"de")], "DE"),
        ([(b"cf-ipcountry", b" DE ")], "DE"),
        ([(b"cf-ipcountry", b"DE"), (b"cf-ipcountry", b"de")], "DE"),
        ([(b"cf-ipcountry", b"DE"), (b"x-geoip-country-code", b"DE")], "DE"),
        # One of two that differ is an invention, and nobody knows which.
        ([(b"cf-ipcountry", b"FR"), (b"cf-ipcountry", b"DE")], ""),
        ([(b"cf-ipcountry", b"FR"), (b"x-geoip-country-code", b"DE")], ""),
        ([(b"cf_ipcountry", b"FR"), (b"cf-ipcountry", b"DE")], ""),
        ([(b"cf-ipcountry", b"T1"), (b"x-geoip-country-code", b"DE")], ""),
        ([(b"cf-ipcountry", b""), (b"x-geoip-country-code", b"DE")], ""),
        # Nobody knows, Tor, and rubbish.
        ([(b"cf-ipcountry", b"XX")], ""),
        ([(b"cf-ipcountry", b"T1")], ""),
        ([(b"cf-ipcountry", b"")], ""),
        ([(b"cf-ipcountry", b"Germany")], ""),
        ([(b"cf-ipcountry", b"DE,FR")], ""),
        ([(b"cf-ipcountry", b"\xc3\x84")], ""),
        ([(b"cf-ipcountry", b"\xff\xfe")], ""),
        ([(b"cf-ipcountry", b"\xdf")], ""),
        ([(b"cf-ipcountry", b"<>")], ""),
        ([(b"x-country", b"DE")], ""),
    ],
)
def test_only_one_code_is_a_country(headers: Headers, code: str) -> None:
    assert told_country("10.0.0.1", headers, PROXIES) == code


@given(st.lists(st.binary(max_size=5), max_size=3))
def test_whatever_is_sent_the_answer_is_a_code_or_nothing(values: list[bytes]) -> None:
    found = told_country("10.0.0.1", [(b"cf-ipcountry", value) for value in values], PROXIES)
    assert found == "" or (len(found) == 2 and found.isascii() and found.isupper())
