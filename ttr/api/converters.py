"""The variables of the API's paths that need a form of their own, so that a path has one meaning and one Allow."""

from werkzeug.routing import BaseConverter

from ttr.channels import KINDS

RESERVED = ("aggregate", "bulk", "bulk-delete", "export", "import", "slug-check", "stats", "tags")
"""What stands in a check's place below /checks and is none; a check with such a slug has its number and UUID."""


class CheckConverter(BaseConverter):
    """A check's number, UUID or slug: what it is, the store tells."""

    part_isolating = True  # the "/" in the expression is one that can't match
    regex = rf"(?!(?:{'|'.join(RESERVED)})\Z)[^/]+"


class KindConverter(BaseConverter):
    """The name of a kind of channel, in any case."""

    regex = rf"(?i:{'|'.join(KINDS)})"


CONVERTERS = {"check": CheckConverter, "kind": KindConverter}
