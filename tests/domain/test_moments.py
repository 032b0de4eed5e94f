"""Times as text."""

from ttr.domain.moments import iso, ms_of


def test_times_are_utc_with_milliseconds() -> None:
    assert iso(1_795_359_600_250) == "2026-11-22T15:00:00.250Z"
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(None) is None


def test_what_was_written_is_read_and_nothing_else() -> None:
    for ms in (0, 1, 1_795_359_600_250, -1):
        assert ms_of(iso(ms)) == ms
    assert ms_of("2026-11-22T16:00:00.250999+01:00") == 1_795_359_600_250
    for text in (
        "",
        "soon",
        "2026-11-22",
        "2026-11-22T15:00:00",
        "2026-13-01T00:00:00Z",
        None,
        5,
        [],
        "9" * 5_000,
    ):
        assert ms_of(text) is None
