"""What can go wrong between us and Redis, and refusals that only the store can decide."""


class StoreUnavailable(Exception):
    """Redis is away, still loading, or too slow; the request may be tried again."""


class StoreUnfit(Exception):
    """This Redis can't be used; the text says what to change."""


class NotFound(Exception):
    """No such check for this account."""


class SlugTaken(Exception):
    """Another check of the account has this slug; `check_id` says which."""

    def __init__(self, check_id: int) -> None:
        self.check_id = check_id
        super().__init__("Another of your checks has this slug.")


class UnknownChannel(Exception):
    """A channel id that is none of the account's."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(f"You have no channel {channel_id}.")


class QuotaReached(Exception):
    """The account, or the address, has as many as it may have; the text says of what."""
