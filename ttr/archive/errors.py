"""What can go wrong between us and Postgres."""


class ArchiveUnavailable(Exception):
    """Postgres is away, full or too slow; what was asked may be tried again."""


class ArchiveUnfit(Exception):
    """This database can't be used as it is; the text says what to change."""
