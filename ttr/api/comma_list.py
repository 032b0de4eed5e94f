"""A field of a query that takes some of a few names, comma separated."""

from collections.abc import Sequence

from pydantic import AfterValidator


def one_or_more_of(names: Sequence[str]) -> AfterValidator:
    """Refuse text that names anything else; "" names none and is taken."""

    def judge(text: str) -> str:
        if text and not set(text.split(",")) <= set(names):
            raise ValueError(f"One or several of {', '.join(names)}, comma separated.")
        return text

    return AfterValidator(judge)


def pattern_of(names: Sequence[str]) -> str:
    """The regular expression of what `one_or_more_of` takes, for the document."""
    one = f"(?:{'|'.join(names)})"
    return f"^(?:{one}(?:,{one})*)?$"
