"""Times as text."""

from ttr.domain.moments import iso


def test_times_are_utc_with_milliseconds() -> None:
    assert iso(1_795_359_600_250) == "2026-11-22T15:00:00.250Z"
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(None) is None
