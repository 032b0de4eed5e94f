"""Places of pings: by a database, by a proxy's word, and with files that are no database."""

import logging
import os
import random
from pathlib import Path
from typing import Any

import pytest

from tests.geo_database import city, write_database
from ttr.app import create_app
from ttr.geo import Geo, Place, open_geo
from ttr.settings import load_settings
from ttr.store.ping_log import PingEntry

NETWORKS: dict[str, Any] = {
    "81.2.69.0/24": city("GB", "United Kingdom"),
    "89.160.20.0/24": city("SE", "Sweden", traits={"connection_type": "Cable/DSL"}),
    "2001:218::/32": city("JP", "Japan"),
    # Only where its provider is registered, as of an anycast address.
    "1.1.1.0/24": {"registered_country": {"iso_code": "AU", "names": {"en": "Australia"}}},
    "8.8.8.0/24": {"country": {"names": {"en": "Nameless"}}, "registered_country": {"iso_code": "US"}},
    "2.2.2.0/24": {"country": {"iso_code": "fr"}},
    # What no database should hold of private networks, and this one does.
    "10.0.0.0/8": city("DE", "Germany"),
    "fd00::/8": city("DE", "Germany"),
}
ODD: dict[str, Any] = {
    "81.2.69.0/24": city("GB", "United Kingdom"),
    "2.2.0.0/24": {"country": "FR", "registered_country": {"iso_code": "FR", "names": {"en": "France"}}},
    "2.2.1.0/24": {"country": {"iso_code": 7}, "traits": {"connection_type": 5}},
    "2.2.2.0/24": {"country": {"iso_code": "FRA", "names": ["France"]}, "traits": "x"},
    "2.2.3.0/24": {"country": {"iso_code": "FR", "names": {"en": 5}}},
    "2.2.4.0/24": "France",
    "2.2.5.0/24": [{"country": {"iso_code": "FR"}}],
    "2.2.6.0/24": {},
    "2.2.7.0/24": {"country": {"iso_code": "ZZ", "names": {"en": "Nowhere"}}},
}


def opened(path: Path | str | None) -> Geo:
    """What the app does with that setting."""
    return open_geo(load_settings({"GEOIP_DATABASE_PATH": str(path or "")}))


def ping(address: str = "", country: str = "") -> PingEntry:
    return PingEntry(1, "success", "GET", address=address, country=country)


@pytest.fixture(scope="module")
def geo(tmp_path_factory: pytest.TempPathFactory) -> Geo:
    return opened(write_database(tmp_path_factory.mktemp("geo") / "city.mmdb", NETWORKS))


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("81.2.69.160", Place("GB", "United Kingdom", "Unknown")),
        ("89.160.20.7", Place("SE", "Sweden", "Cable/DSL")),
        ("2001:218::7", Place("JP", "Japan", "Unknown")),
        ("1.1.1.1", Place("AU", "Australia", "Unknown")),
        ("8.8.8.8", Place("US", "United States", "Unknown")),
        ("2.2.2.2", Place("FR", "France", "Unknown")),
        ("9.9.9.9", Place()),
        ("2a00::1", Place()),
        ("10.1.2.3", Place()),
        ("fd00::1", Place()),
        ("127.0.0.1", Place()),
        ("192.168.1.1", Place()),
        ("100.64.0.1", Place()),
        ("::1", Place()),
        ("", Place()),
    ],
)
def test_an_address_is_looked_up(geo: Geo, address: str, place: Place) -> None:
    for _ in range(2):
        assert geo.place_of(ping(address)) == place


@pytest.mark.parametrize(
    ("address", "told", "place"),
    [
        ("81.2.69.160", "FR", Place("FR", "France", "Unknown")),
        ("81.2.69.160", "GB", Place("GB", "United Kingdom", "Unknown")),
        ("89.160.20.7", "FR", Place("FR", "France", "Cable/DSL")),
        ("10.1.2.3", "FR", Place("FR", "France", "Unknown")),
        ("", "FR", Place("FR", "France", "Unknown")),
        ("", "QQ", Place("QQ", "Unknown", "Unknown")),
    ],
)
def test_what_a_proxy_told_counts_more(geo: Geo, address: str, told: str, place: Place) -> None:
    assert geo.place_of(ping(address, told)) == place


def test_without_a_database_only_proxies_know(caplog: pytest.LogCaptureFixture) -> None:
    geo = opened(None)
    assert geo.place_of(ping("81.2.69.160")) == Place("XX", "Unknown", "Unknown")
    assert geo.place_of(ping("81.2.69.160", "DE")) == Place("DE", "Germany", "Unknown")
    assert caplog.text == ""


def test_a_database_of_countries_will_do(tmp_path: Path) -> None:
    record = {"continent": {"code": "EU"}, "country": {"iso_code": "NL", "names": {"en": "The Netherlands"}}}
    geo = opened(write_database(tmp_path / "c.mmdb", {"85.0.0.0/8": record}, kind="GeoLite2-Country"))
    assert geo.place_of(ping("85.1.1.1")) == Place("NL", "The Netherlands", "Unknown")


def test_a_database_of_connections_tells_no_country(tmp_path: Path) -> None:
    records = {"85.0.0.0/8": {"connection_type": "Cellular"}}
    geo = opened(write_database(tmp_path / "c.mmdb", records, kind="GeoIP2-Connection-Type"))
    assert geo.place_of(ping("85.1.1.1")) == Place("XX", "Unknown", "Cellular")
    assert geo.place_of(ping("85.1.1.1", "NL")) == Place("NL", "Netherlands", "Cellular")


def test_a_database_of_ipv4_knows_nothing_of_ipv6(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = {"81.2.69.0/24": city("GB", "United Kingdom")}
    geo = opened(write_database(tmp_path / "4.mmdb", records, ip_version=4))
    assert geo.place_of(ping("81.2.69.160")).country_code == "GB"
    assert geo.place_of(ping("2001:218::7")) == Place()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("2.2.0.1", Place("FR", "France")),
        ("2.2.1.1", Place()),
        ("2.2.2.1", Place()),
        ("2.2.3.1", Place("FR", "France")),
        ("2.2.4.1", Place()),
        ("2.2.5.1", Place()),
        ("2.2.6.1", Place()),
        ("2.2.7.1", Place()),
    ],
)
def test_records_of_odd_shapes_tell_what_they_can(tmp_path: Path, address: str, place: Place) -> None:
    assert opened(write_database(tmp_path / "odd.mmdb", ODD)).place_of(ping(address)) == place


def warned(caplog: pytest.LogCaptureFixture) -> str:
    """The one warning there is."""
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    return record.getMessage()


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"ip,country\n", b"\xab\xcd\xefMaxMind.com", b"\0" * 70_000]
)
def test_a_file_that_is_no_database_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path = tmp_path / "x.mmdb"
    path.write_bytes(content)
    assert opened(path).place_of(ping("81.2.69.160", "DE")) == Place("DE", "Germany")
    said = f"GEOIP_DATABASE_PATH: {path} is no MaxMind database, or is damaged; countries are not looked up."
    assert warned(caplog) == said


def test_a_file_that_is_missing_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert opened(tmp_path / "none.mmdb").place_of(ping("81.2.69.160")) == Place()
    assert "none.mmdb can't be read (No such file or directory); " in warned(caplog)


def test_a_path_that_leads_through_a_file_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("x")
    opened(tmp_path / "file" / "x.mmdb")
    assert "can't be read (Not a directory)" in warned(caplog)


def test_a_path_that_no_system_takes_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    opened(tmp_path / ("x" * 300))
    assert "can't be read (File name too long)" in warned(caplog)


def test_a_folder_and_a_pipe_are_a_warning_and_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        opened(path)
        assert warned(caplog).startswith(f"GEOIP_DATABASE_PATH: {path} is no file; ")
        caplog.clear()


def test_a_database_of_something_else_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = {"81.2.69.0/24": {"autonomous_system_number": 7, "autonomous_system_organization": "GB"}}
    path = write_database(tmp_path / "asn.mmdb", records, kind="GeoLite2-ASN")
    assert opened(path).place_of(ping("81.2.69.160")) == Place()
    assert "tells no countries, it is of the type GeoLite2-ASN" in warned(caplog)


def test_a_database_may_be_written_over_and_removed_while_it_is_used(tmp_path: Path) -> None:
    path = write_database(tmp_path / "city.mmdb", NETWORKS)
    geo = opened(path)
    path.write_bytes(b"")
    assert geo.place_of(ping("81.2.69.160")).country_code == "GB"
    path.unlink()
    assert geo.place_of(ping("2001:218::7")).country_code == "JP"


def test_a_damaged_database_never_raises(tmp_path: Path) -> None:
    """Bytes changed and cut off anywhere; some are found out when it is opened, some when a record is read."""
    whole = write_database(tmp_path / "city.mmdb", NETWORKS).read_bytes()
    dice = random.Random(7)
    path = tmp_path / "damaged.mmdb"
    answers = set()
    for _ in range(1_000):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged[: dice.choice((None, None, dice.randrange(len(damaged))))])
        geo = opened(path)
        answers |= {geo.place_of(ping(address)) for address in ("81.2.69.160", "89.160.20.7", "2001:218::7")}
    assert {Place(), Place("GB", "United Kingdom"), Place("JP", "Japan")} <= answers


def test_the_app_starts_whatever_the_file_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "x.mmdb"
    path.write_bytes(b"x")
    create_app(load_settings({"REDIS_URL": "redis://nowhere", "GEOIP_DATABASE_PATH": str(path)}))
    assert "is no MaxMind database" in warned(caplog)
