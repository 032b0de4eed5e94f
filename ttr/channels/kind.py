"""What every kind of channel offers; a module of this package with these names is one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ttr.channels.delivery import Outcome
from ttr.channels.means import Means
from ttr.domain.notification import Notification
from ttr.settings import Settings


class ChannelError(Exception):
    """Settings that can't be saved: `sentence` for their owner (no secret in it), `field` it belongs to."""

    def __init__(self, sentence: str, field: str) -> None:
        self.sentence = sentence
        self.field = field
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a kind, as forms, JSON and the store name it.

    `read` turns what was typed into what is stored, or raises ValueError with a sentence (no secret in it). It
    judges form only and looks nothing up. A secret is sealed and never shown again.
    """

    name: str
    """The seed's name where it has one, e.g. "telegram_chat_id"."""
    label: str
    read: Callable[[str], str]
    form: Mapping[str, Any]
    """What `read` takes, as JSON Schema, for the OpenAPI document."""
    secret: bool = False
    hint: str = ""
    placeholder: str = ""


class Kind(Protocol):
    """One kind of channel."""

    name: str
    """As stored and in URLs, e.g. "webhook"; also its templates, `templates/channels/<name>.*`."""
    label: str
    """As people read it, e.g. "Webhook"."""
    about: str
    """One sentence for those who set it up: what they need and where they get it."""
    fields: tuple[Field, ...]
    """Each is required before the channel can send."""
    events_max: int
    """Events that one message may carry."""
    signs: bool
    """Whether its messages are signed with a secret that we make and the owner may rotate."""
    confirms: bool
    """Whether its only field is the address of a person, who must agree where the operator wants it."""

    def missing(self, settings: Settings) -> str:
        """What the operator has to set before anybody can use this kind, as a sentence; "" when nothing."""
        ...

    def destination(self, settings: Mapping[str, str], secrets: Mapping[str, str]) -> str:
        """Whom the service counts the messages against: a bot's token, a hook's URL, an address."""
        ...

    async def send(
        self,
        notification: Notification,
        settings: Mapping[str, str],
        secrets: Mapping[str, str],
        *,
        means: Means,
        now: int,
    ) -> Outcome:
        """One attempt at `now` (milliseconds UTC); never raises for the other side's doings.

        For kinds that sign, `secrets` holds "signing": the valid signing secrets, newest first, separated by spaces.
        """
        ...


def read_fields(kind: Kind, given: Mapping[str, object]) -> tuple[dict[str, str], dict[str, str]]:
    """What was given, checked: open settings and secrets. Fields that are missing are left out, null and "" are
    kept as "" (cleared); names that the kind doesn't know are ignored. Raises ChannelError.
    """
    settings: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for field in kind.fields:
        if field.name not in given:
            continue
        value = given[field.name]
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
            value = str(int(value))  # chat ids are often sent as numbers, and to JSON 5.0 is 5
        if value is not None and not isinstance(value, str):
            raise ChannelError("Text is needed.", field.name)
        try:
            read = field.read(value.strip()) if value and value.strip() else ""
        except ValueError as error:
            raise ChannelError(str(error), field.name) from None
        (secrets if field.secret else settings)[field.name] = read
    return settings, secrets


def lacking(kind: Kind, settings: Mapping[str, str], secrets: Mapping[str, str]) -> list[Field]:
    """The fields that are still empty; a channel with any can't send."""
    return [field for field in kind.fields if not (secrets if field.secret else settings).get(field.name)]
