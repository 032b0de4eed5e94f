"""What a check's UUID looks like. Pure."""

import re

UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
"""As a regular expression, for Python and JSON Schema."""

_UUID = re.compile(UUID_PATTERN, re.ASCII)


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID as checks have them: lower case, with dashes."""
    return _UUID.fullmatch(text) is not None
