"""What of a body a page shows. Pure."""

SHOWN_MAX = 20_000
"""Characters."""


def shown_text(kept: bytes) -> tuple[str, bool]:
    """The first SHOWN_MAX characters of a body, and whether there are more.

    NUL and its like have no place in HTML; U+FFFD stands where they stood.
    """
    text = kept.decode("utf-8", "replace")
    shown = "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text[:SHOWN_MAX])
    return shown, len(text) > SHOWN_MAX
