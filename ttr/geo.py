"""Where pings came from: the country and the kind of connection, from what a proxy told and an optional database.

It is asked when a ping is shown, never when one comes.
"""

import logging
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

import maxminddb

from ttr.domain.countries import NOWHERE, UNKNOWN, country_code, country_name
from ttr.settings import Settings
from ttr.store.ping_log import PingEntry

log = logging.getLogger(__name__)

# A look-up takes 0.2 ms in a database of cities, and a check's pings come from few addresses. 1 MB when full.
_REMEMBERED = 4_096
# In a database of countries nearly every record names one.
_TRIED = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ping came from, as far as anybody knows: nothing that tells one client of a country from another."""

    country_code: str = NOWHERE
    country_name: str = UNKNOWN
    connection_type: str = UNKNOWN
    """"Cable/DSL", "Cellular", "Corporate", "Satellite": the database's word, or UNKNOWN; never guessed."""


class Geo:
    """Looks places up. Without a database it knows what proxies tell."""

    def __init__(self, database: maxminddb.Reader | None = None) -> None:
        self._database = database
        self._holds_v6 = database is not None and database.metadata().ip_version == 6
        self._found = lru_cache(_REMEMBERED)(self._read)

    def place_of(self, entry: PingEntry) -> Place:
        """Where a ping came from."""
        return self.look_up(entry.address, entry.country)

    def look_up(self, address: str, told: str = "") -> Place:
        """Where an address ("" for none) is; `told` is the code of its country if that is known better, or "".

        Raises ValueError for what is no address.
        """
        found = self._found(address) if address else Place()
        if not told:
            return found
        name = found.country_name if found.country_code == told else country_name(told)
        return Place(told, name, found.connection_type)

    def _read(self, address: str) -> Place:
        parsed = ip_address(address)
        if self._database is None or not parsed.is_global or (parsed.version == 6 and not self._holds_v6):
            return Place()
        try:
            return _place(self._database.get(parsed))
        except Exception as error:
            # A damaged file: the reader's own error, but also TypeError, UnicodeDecodeError, RecursionError.
            log.warning("GEOIP_DATABASE_PATH: a record can't be read: %s", error)
            return Place()


class _OfNoUse(Exception):
    pass


def open_geo(settings: Settings) -> Geo:
    """The look-up, with the database that the settings name; one that is of no use is a warning, and left out.

    The file is read once, whole: a new one counts from the next start.
    """
    path = settings.geoip_database_path
    if path is None:
        return Geo()
    try:
        return Geo(_open(path))
    except _OfNoUse as fault:
        log.warning("GEOIP_DATABASE_PATH: %s %s; countries are not looked up.", path, fault)
        return Geo()


def _open(path: Path) -> maxminddb.Reader:
    try:
        if path.exists() and not path.is_file():
            raise _OfNoUse("is no file")  # a pipe would be waited for
        # Not the C extension, 10 µs a look-up, which crashes the process on a damaged file; and from memory, because a
        # mapped file that is written over takes the process with it as well.
        database = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        useful = _tells_places(database)
    except _OfNoUse:
        raise
    except OSError as error:
        raise _OfNoUse(f"can't be read ({error.strerror})") from None
    except Exception:
        raise _OfNoUse("is no MaxMind database, or is damaged") from None
    if not useful:
        raise _OfNoUse(f"tells no countries, it is of the type {database.metadata().database_type}")
    return database


def _tells_places(database: maxminddb.Reader) -> bool:
    """Whether any of the first records does; those of databases of providers or mail domains do not."""
    return any(_place(record) != Place() for _, (_, record) in zip(range(_TRIED), database, strict=False))


def _place(record: object) -> Place:
    code, name = _country(record)
    connection = _text(record, "traits", "connection_type") or _text(record, "connection_type")
    return Place(code or NOWHERE, name or UNKNOWN, connection or UNKNOWN)


def _country(record: object) -> tuple[str, str]:
    """Where the address is, else where its network is registered."""
    for whose in ("country", "registered_country"):
        if code := country_code(_text(record, whose, "iso_code")):
            return code, _text(record, whose, "names", "en") or country_name(code)
    return "", ""


def _text(record: object, *way: str) -> str:
    """The text at the end of a way into a record; "" when there is none."""
    for name in way:
        record = record.get(name) if isinstance(record, dict) else None
    return record if isinstance(record, str) else ""
