"""What can go wrong between us and Redis, and refusals that only the store can decide."""


class StoreUnavailable(Exception):
    """Redis is away, still loading, or too slow; the request may be tried again."""


class StoreUnfit(Exception):
    """This Redis can't be used; the text says what to change."""


class NotFound(Exception):
    """This account has no such thing; the text says of what kind."""


class SlugTaken(Exception):
    """Another check of the account has this slug; `check_id` says which."""

    def __init__(self, check_id: int) -> None:
        self.check_id = check_id
        super().__init__("Another of your checks has this slug.")


class UnknownChannel(Exception):
    """A channel id that is none of the account's, or belongs to one other check."""

    def __init__(self, channel_id: str) -> None:
        super().__init__(f"You have no channel {channel_id} that can be used here.")


class ChannelNeeded(Exception):
    """A check's own channel can't be taken off the check."""

    def __init__(self) -> None:
        super().__init__("This channel was made for this check: turn it off, or delete it.")


class DefaultsReached(Exception):
    """The account has as many default channels as one check may use."""

    def __init__(self) -> None:
        super().__init__("You have as many default channels as one check may use.")


class NotDead(Exception):
    """A delivery that can't be sent again; the text says why."""


class QuotaReached(Exception):
    """The account, or the address, has as many as it may have; the text says of what."""
