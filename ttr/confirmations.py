"""Addresses that belong to people: before alerts go there, one message asks whether they may."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal
from uuid import uuid4

from ttr.channels import KINDS, Kind
from ttr.channels.kind import lacking
from ttr.channels.means import Means
from ttr.domain.alert import Event
from ttr.domain.invalid import Contradiction, FieldError
from ttr.domain.links import address_number
from ttr.domain.rate import RateRules, rules
from ttr.immediate import Answer, send_now
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.allowances import take
from ttr.store.channels import Channel, confirm, get_channel, identity, note_result
from ttr.store.errors import StoreUnavailable
from ttr.store.rates import take_token
from ttr.store.redis import Store
from ttr.store.users import User

State = Literal["asked", "agreed", "over"]

# Whoever makes accounts could flood a stranger with questions; this counts those of all accounts together.
_AT_ONCE = 5
_EVERY_SECONDS = 3_600
_REMEMBERED_MS = 86_400_000
# An agreement loses only to an edit of the same channel that came in between.
_TURNS = 10


class Unconfirmed(Contradiction):
    """The channel can't be on before its address agrees; `answer` is what became of asking there again."""

    def __init__(self, address: str, answer: Answer) -> None:
        self.answer = answer
        said = "a mail with a link has been sent there again." if answer.delivered else answer.detail
        super().__init__([FieldError("enabled", f"Waiting for {address} to confirm: {said}")])


def asked_address(settings: Settings, kind: Kind, opened: Mapping[str, str]) -> str:
    """The address that must agree before a channel with these open settings can be on; "" when none must."""
    return _address(kind, opened) if settings.asks_people else ""


async def ask(
    store: Store, settings: Settings, means: Means, user: User, channel: Channel, *, again: bool = False
) -> Answer:
    """Send the question to the channel's address, if its account and all accounts together haven't asked too often.
    What becomes of it is kept as the channel's last message, unless we let none leave `again`: then what became of the
    one before still is.
    """
    kind, now = KINDS[channel.kind], now_ms()
    address = _address(kind, channel.settings)
    event = Event(f"q{channel.id}-{uuid4().hex}", "confirm", now, 0, "", reason_detail=address)
    refused = await _refused(store, settings, user, f"{kind.name}:{_mailbox(address)}", now)
    answer = refused or await send_now(store, settings, means, user, channel, event)
    if answer.retry_after_seconds is not None and not again:
        await note_result(
            store, user, channel.id, delivered=False, detail=answer.detail, settings=None, now=now_ms()
        )
    return answer


def state_of(channel: Channel, number: int) -> State:
    """What a link with the `number` of an address means to the channel now. "agreed" says nothing about whether its
    owner has it on.
    """
    kind = KINDS.get(channel.kind)
    address = _address(kind, channel.settings) if kind else ""
    if not address or address_number(address) != number:
        return "over"
    if channel.off_reason == "unconfirmed":
        return "asked"
    return "agreed" if channel.confirmed == address else "over"


async def agree(store: Store, user: User, channel: Channel, number: int) -> State:
    """Turn the channel on if it waits for the address with this `number`. Raises NotFound."""
    for _ in range(_TURNS):
        state = state_of(channel, number)
        if state != "asked":
            return state
        done = await confirm(store, user, channel, _address(KINDS[channel.kind], channel.settings))
        if done:
            return "agreed"
        channel = await get_channel(store, user, channel.id)
    raise StoreUnavailable("this channel is edited all the time; try again")


def why_off(channel: Channel) -> str:
    """Why a channel is off though its owner did not turn it off; "" when it is on or its owner did."""
    match channel.off_reason:
        case None:
            return ""
        case "unconfirmed":
            return f"Waiting for {shown_address(channel)} to confirm"
        case "unsubscribed":
            return "Turned off because whoever gets its messages unsubscribed"
    return "Turned off by us because its service said that nothing arrives there any more"


def shown_address(channel: Channel) -> str:
    """The address of a channel that waits, as it was typed."""
    kind = KINDS.get(channel.kind)
    return channel.settings.get(kind.fields[0].name, "") if kind else "its reader"


def leads_to(channel: Channel, number: int) -> bool:
    """Whether the channel leads to the person whose address has this `number`."""
    kind = KINDS.get(channel.kind)
    address = _address(kind, channel.settings) if kind else ""
    return address != "" and address_number(address) == number


def _address(kind: Kind, opened: Mapping[str, str]) -> str:
    if not kind.confirms or lacking(kind, opened, {}):
        return ""
    return kind.destination(opened, {})


async def _refused(store: Store, settings: Settings, user: User, mailbox: str, now: int) -> Answer | None:
    """Why no question leaves, if none does. The account's allowance comes first: addresses can be invented."""
    allowance = await take(store, settings.limit("question"), user.id, now=now)
    if allowance is not None and not allowance.allowed:
        return Answer(False, f"Not sent. {allowance.refusal}", None, 0.0, allowance.retry_ms / 1000)
    bucket = identity("confirm", mailbox)
    token = await take_token(store, _question_rules(settings), bucket, who="question", now=now)
    if token.granted:
        return None
    detail = "Not sent: this address has been asked several times lately; try again in an hour."
    return Answer(False, detail, None, 0.0, token.wait_ms / 1000)


def _mailbox(address: str) -> str:
    """Whose box it is: at most servers what follows a + is the reader's own mark."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}{local[1:].partition('+')[0]}@{domain}"


def _question_rules(settings: Settings) -> RateRules:
    rate = 1 / _EVERY_SECONDS
    return replace(rules(settings), cap=rate, drip=rate, start=rate, burst=_AT_ONCE, ttl_ms=_REMEMBERED_MS)
