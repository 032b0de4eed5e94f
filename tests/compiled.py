"""What every app would compile anew, kept for all apps of a run: the builders of URLs, and templates.

Each of some four thousand tests has an app of its own, so that none sees what another one left in it. 270 routes and
the templates of a page are 0.2 to 0.4 s of a processor; what is compiled depends on the text of a rule or a template
alone.
"""

from collections.abc import Callable
from typing import Any

import quart
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from quart.templating import Environment
from werkzeug.routing import Rule


class _Templates(BytecodeCache):
    """Bytecode by the template's name and the digest of its text."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Hand out what is kept."""
        if code := self._kept.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self._kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


def compile_once() -> None:
    """From here on no rule and no template is compiled twice in this process."""
    templates, builders = _Templates(), dict[Any, Callable[..., tuple[str, str]]]()
    make_builder = Rule._compile_builder

    def builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # It gets the rule, and the converters with it, when it is called.
        key = rule.rule, rule.subdomain, rule.host, append_unknown, repr(rule.defaults)
        if key not in builders:
            builders[key] = make_builder(rule, append_unknown)
        return builders[key]

    class KeptEnvironment(Environment):
        def __init__(self, app: quart.Quart, **options: Any) -> None:
            super().__init__(app, **{"bytecode_cache": templates, **options})

    Rule._compile_builder = builder
    quart.Quart.jinja_environment = KeptEnvironment
