"""Whose address a request is recorded under."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttr.address import client_address, counted_as

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2, fd00::1", "198.51.100.7"),
        ("fd00::1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7:80", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::7]:80", "2001:db8::7"),
        ("10.0.0.1", "198.51.100.7, rubbish", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, rubbish, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "010.0.0.9", "10.0.0.1"),
        ("", "198.51.100.7", ""),
        ("rubbish", "198.51.100.7", ""),
    ],
)
def test_the_nearest_hand_that_is_no_trusted_proxy_is_the_client(
    peer: str, forwarded: str, address: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def test_nobody_is_trusted_unless_it_is_said_so() -> None:
    assert client_address("127.0.0.1", "198.51.100.7", []) == "127.0.0.1"


@given(st.text(max_size=60), st.text(max_size=200), st.booleans())
def test_whatever_is_sent_the_answer_is_an_address_or_nothing(peer: str, forwarded: str, known: bool) -> None:
    found = client_address("10.0.0.1" if known else peer, forwarded, PROXIES)
    assert found == "" or str(ip_address(found)) == found
    assert found or not known


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("", ""),
        ("no:address", "no:address"),
    ],
)
def test_limits_count_an_ipv6_network_as_one_address(address: str, counted: str) -> None:
    assert counted_as(address) == counted
