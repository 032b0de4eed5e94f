"""Texts that would do something if a page, a picture or a file took them for its own."""

from itertools import count, cycle

# Each would leave an element or an attribute called `evil`, call `hit`, or show 1337 where a template computes it.
SHAPES = (
    '"><img evil src=x onerror=hit({n})>',
    "'><svg evil onload=hit({n})>",
    "</title><script evil>hit({n})</script>",
    "</textarea></script><script evil>hit({n})</script>",
    "]]></text><script evil>hit({n})</script>",
    '" evil onfocus=hit({n}) autofocus x="',
    "' evil onmouseover=hit({n}) x='",
    "` evil onload=hit({n}) x=`",
    "&lt;img evil src=x onerror=hit({n})&gt;",
    "&#34;&#62;&#60;img evil src=x onerror=hit({n})&#62;",
    "{{{{7*191}}}}${{7*191}}#{{7*191}}",
    "{{% print 7*191 %}}<%= 7*191 %>",
    "<!--><img evil src=x onerror=hit({n})>-->",
    "--><script evil>hit({n})</script><!--",
    "</style><style evil>*{{display:none}}</style>",
    "<b evil hx-get=/logout hx-trigger=load>",
    "<b evil hx-on:load=hit({n})>",
    "javascript:hit({n})//",
    "\\u003cimg evil src=x onerror=hit({n})\\u003e",
    "\\x3cimg evil src=x onerror=hit({n})\\x3e",
    "%3Cimg evil src=x onerror=hit({n})%3E",
    "\uff1cimg evil src=x onerror=hit({n})\uff1e",
    "\u2039script evil\u203ahit({n})",
    "<a evil href=javascript:hit({n})>x</a>",
    "<meta evil http-equiv=refresh content=0;url=//e>",
    "<base evil href=//evil.example/>",
    "<form evil action=//evil.example><input>",
    "<iframe evil src=javascript:parent.hit({n})>",
    "<object evil data=javascript:hit({n})>",
    "<link evil rel=stylesheet href=//evil.example>",
    "<template evil shadowrootmode=open><slot>",
    "<math><mtext><img evil src=x onerror=hit({n})>",
    "<svg><style><img evil src=x onerror=hit({n})>",
    "<noscript><p title='</noscript><img evil src=x>'>",
    "x\u202e<img evil src=x onerror=hit({n})>",
)

# Links and words that only Markdown would make something of.
MARKDOWN = (
    "[x](javascript:hit({n}))",
    "[x](JaVaScRiPt:hit({n}))",
    "[x](&#106;avascript:hit({n}))",
    "[x](java&#x09;script:hit({n}))",
    "[x](data:text/html,<script>hit({n})</script>)",
    "[x](vbscript:hit({n}))",
    "[x](//evil.example)",
    "[x](\\\\evil.example)",
    "[x](<javascript:hit({n})>)",
    '[x](https://a.example "\\" evil onmouseover=hit({n}) x=\\"")',
    "<javascript:hit({n})>",
    "<https://a.example/\"onmouseover='hit({n})'evil>",
    "![x](https://evil.example/x.png)",
    '![x](x"onerror="hit({n}))',
    "[x]: javascript:hit({n})\n[x]",
    "```html evil\n<script evil>hit({n})</script>\n```",
    "# </p><script evil>hit({n})</script>",
    "<details evil open ontoggle=hit({n})>",
    "| <img evil src=x onerror=hit({n})> |\n|-|",
)


class Poison:
    """Hands out the texts in turn, each with a number of its own that tells where it stood."""

    def __init__(self) -> None:
        self.stood: dict[int, str] = {}
        self._numbers = count(1)
        self._shapes = cycle(SHAPES)

    def text(self, where: str, most: int, without: str = "") -> str:
        """As many of the shapes, from the next one on, as fit into `most` characters; at least one."""
        found = ""
        for _ in SHAPES:
            shape = self._fill(next(self._shapes), where)
            if len(found) + len(shape) <= most and not set(shape) & set(without):
                found += shape
            elif found:
                break
        assert found, (where, most)
        return found

    def every(self, where: str) -> str:
        """All shapes, a line each."""
        return "\n".join(self._fill(shape, where) for shape in SHAPES)

    def markdown(self, where: str) -> str:
        """All that Markdown might make something of."""
        return "\n\n".join(self._fill(shape, where) for shape in MARKDOWN)

    def _fill(self, shape: str, where: str) -> str:
        number = next(self._numbers)
        self.stood[number] = where
        return shape.format(n=number)
