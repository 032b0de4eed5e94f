"""What can go wrong between us and Redis, and refusals that only the store can decide."""

from ttr.domain.allowance import Allowance


class StoreUnavailable(Exception):
    """Redis is away, still loading, or too slow; the request may be tried again."""


class StoreUnfit(Exception):
    """This Redis can't be used; the text says what to change."""


class NotFound(Exception):
    """This account has no such thing; the text says of what kind, or is a sentence of its own."""


class SlugTaken(Exception):
    """Another check of the account has this slug; `check_id` says which."""

    def __init__(self, check_id: int) -> None:
        self.check_id = check_id
        super().__init__("Another of your checks has this slug.")


class PageSlugTaken(Exception):
    """Another status page of the account has this slug; `page_id` says which."""

    def __init__(self, page_id: int) -> None:
        self.page_id = page_id
        super().__init__("Another of your status pages has this slug.")


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


class AccountSlugTaken(Exception):
    """Another account has this slug; `field` says which of the two slugs an account has."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__("Another account has this slug.")


class TelegramTaken(Exception):
    """A Telegram account that opens another account already."""

    def __init__(self) -> None:
        super().__init__("This Telegram account is linked to another account here. Unlink it there first.")


class TelegramLinked(Exception):
    """The account is linked to another Telegram account."""

    def __init__(self) -> None:
        super().__init__("This account is linked to another Telegram account. Unlink that one first.")


class LastWayIn(Exception):
    """Without Telegram nothing would open the account any more."""

    def __init__(self) -> None:
        super().__init__(
            "No access key that may do everything opens this account, so without Telegram nobody could get in any "
            "more. Make one first."
        )


class KeyEnded(Exception):
    """An access key that opened an account until a short while ago."""

    def __init__(self, ended: str) -> None:
        self.ended = ended
        """"replaced", "revoked", "blocked" or "deleted"."""
        super().__init__(f"This access key opens nothing any more: {_ENDS.get(ended, _ENDS['replaced'])}.")


_ENDS = {
    "replaced": "it was replaced by a new one",
    "revoked": "it was revoked",
    "blocked": "the operator has blocked it",
    "deleted": "its account was deleted",
}


class LastKey(Exception):
    """The one key that may do everything can't be revoked: nobody could get in any more."""

    def __init__(self) -> None:
        super().__init__(
            "This is the last key that may do everything: without it nobody could get in any more. Make another one "
            "first, or replace this one."
        )


class NotDead(Exception):
    """A delivery that can't be sent again; the text says why."""


class TooMany(Exception):
    """Asked for too often; `allowance` says of what and when there is more."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        super().__init__(allowance.refusal)


class QuotaReached(Exception):
    """The account has as many as it may have; the text says of what."""


class Busy(Exception):
    """The account has a chore open, and one at a time."""

    def __init__(self, why: str = "Another import or bulk change of this account is running.") -> None:
        super().__init__(why)


class ChoreLost(Exception):
    """Somebody else has taken a chore over, for its owner was not heard of for too long."""

    def __init__(self) -> None:
        super().__init__("This took too long and was given up; look at what is there, then try again.")
