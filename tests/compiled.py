"""What every app would work out anew, kept for all apps of a run: rules of URLs, templates, redis-py's version.

Each of some four thousand tests has an app of its own, so that none sees what another one left in it. 280 rules and
the templates of a page are 0.2 to 0.4 s of a processor; what is compiled depends on the text of a rule or a template
alone. Each connection to Redis looks its library's version up in the metadata of the package, which takes longer than
to connect.
"""

from copy import copy
from functools import cache
from typing import Any

import quart
import redis.utils
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from quart.templating import Environment
from werkzeug.routing import Rule

_COMPILED = ("_parts", "_trace", "_converters", "arguments")
_BUILDERS = ("_build", "_build_unknown")


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
    """From here on no rule and no template is compiled twice in this process, and no version looked up twice."""
    templates, rules = _Templates(), dict[Any, dict[str, Any]]()
    compile_anew = Rule.compile

    def compile_rule(rule: Rule) -> None:
        assert rule.map is not None, "rule not bound"
        # All that is made of a rule but what binds it to a map: endpoint and methods. Converters keep nothing.
        key = (
            (rule.rule, rule.subdomain, rule.host, rule.merge_slashes, repr(rule.defaults)),
            (rule.map.host_matching, *rule.map.converters.values()),
        )
        if key not in rules:
            compile_anew(rule)
            rules[key] = {name: getattr(rule, name) for name in _COMPILED}
            rules[key] |= {name: getattr(rule, name).__func__ for name in _BUILDERS}
            return
        kept = rules[key]
        for name in _COMPILED:
            setattr(rule, name, copy(kept[name]))
        for name in _BUILDERS:
            setattr(rule, name, kept[name].__get__(rule, None))

    class KeptEnvironment(Environment):
        def __init__(self, app: quart.Quart, **options: Any) -> None:
            super().__init__(app, **{"bytecode_cache": templates, **options})

    Rule.compile = compile_rule
    redis.utils.get_lib_version = cache(redis.utils.get_lib_version)
    quart.Quart.jinja_environment = KeptEnvironment
