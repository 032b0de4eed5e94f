"""The country that a proxy tells of its client in a header."""

from collections.abc import Iterable, Sequence

from ttr.address import Network, is_trusted
from ttr.domain.countries import country_code

# Cloudflare's name and that of nginx's GeoIP modules; some proxies write an underscore for a dash.
_NAMES = frozenset({b"cf-ipcountry", b"cf_ipcountry", b"x-geoip-country-code", b"x_geoip_country_code"})


def told_country(peer: str, headers: Iterable[tuple[bytes, bytes]], trusted: Sequence[Network]) -> str:
    """The country's code, from a trusted proxy only; "" when it tells none. Names in lower case, as ASGI has them.

    Every line under any of the names counts. When they differ, one of them may be a client's invention that the proxy
    passed on, so none is believed.
    """
    told = {value.strip().upper() for name, value in headers if name in _NAMES}
    if len(told) != 1 or not is_trusted(peer, trusted):
        return ""
    return country_code(told.pop().decode("latin-1"))
