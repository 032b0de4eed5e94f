"""Small MaxMind databases, really written."""

from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def write_database(
    path: Path, records: dict[str, Any], *, kind: str = "GeoLite2-City", ip_version: int = 6
) -> Path:
    """A database of that type with these networks' records."""
    writer = MMDBWriter(ip_version, kind, description="tests only", ipv4_compatible=ip_version == 6)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


def city(code: str, name: str, **more: Any) -> dict[str, Any]:
    """What databases of cities hold of an address, or some of it."""
    country = {"geoname_id": 1, "iso_code": code, "names": {"de": f"{name} auf Deutsch", "en": name}}
    return {
        "city": {"names": {"en": "Some Town"}},
        "country": country,
        "location": {"latitude": 51.5, "longitude": -0.1},
        "registered_country": {"iso_code": "US", "names": {"en": "United States"}},
        **more,
    }
