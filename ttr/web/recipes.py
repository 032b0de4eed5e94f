"""How to ping a check: ready texts for shells, schedulers and languages, with its URL and its times. Pure.

The texts are `templates/recipes/`. They hold nothing that people typed: a plain ping URL, times that were read
strictly, and a zone's name. So they need quoting only against what each format makes of `%` and `$`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ttr.domain.check import Check
from ttr.domain.cron import read_cron
from ttr.domain.schedule import Schedule
from ttr.paths import TEMPLATES
from ttr.web.commands import CURL, crontab_times, plain_url
from ttr.web.timer_times import field_values, timer_times

_RANGE = re.compile(r"(\d+)-(\d+)")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One text to copy, or some that belong together."""

    name: str
    title: str
    texts: Sequence[tuple[str, str]]
    """(What it is, the text), at least one."""


_RECIPES = (
    (
        "curl",
        "curl",
        (
            ("At the end of a script", "curl.sh"),
            ("With run time and exit status", "curl-run.sh"),
            ("With exit status and output", "curl-output.sh"),
        ),
    ),
    ("crontab", "crontab", (("Lines of a crontab: take one", "crontab.txt"),)),
    ("systemd", "systemd", (("The service", "service.ini"), ("Its timer", "timer.ini"))),
    ("bash", "Bash", (("A wrapper for any command", "wrapper.bash"),)),
    (
        "python",
        "Python",
        (
            ("With what Python has", "urllib.py"),
            ("With requests", "requests.py"),
            ("Around your own functions", "context.py"),
        ),
    ),
    ("node", "Node.js", (("A module", "fetch.mjs"),)),
    ("powershell", "PowerShell", (("Around a program", "powershell.ps1"),)),
    ("github", "GitHub Actions", (("A workflow", "github.yaml"),)),
    ("docker", "Docker", (("docker run", "docker.sh"), ("Compose", "compose.yaml"))),
    ("kubernetes", "Kubernetes", (("A CronJob", "kubernetes.yaml"),)),
)


def recipes(check: Check, url: str) -> list[Recipe]:
    """All ways to ping a check, the plainest first."""
    settings = check.settings
    return recipes_for(settings.schedule, check.address, url, post_only=settings.post_only)


def recipes_for(schedule: Schedule, address: str, url: str, *, post_only: bool = False) -> list[Recipe]:
    """All ways to ping what runs on this schedule under this address (a slug or UUID), the plainest first."""
    values = _values(schedule, address, url, post_only)
    return [
        Recipe(
            name, title, [(what, _environment().get_template(file).render(values)) for what, file in files]
        )
        for name, title, files in _RECIPES
    ]


def _values(schedule: Schedule, address: str, url: str, post_only: bool) -> dict[str, object]:
    times = _times(schedule)
    return {
        "url": plain_url(url),
        "curl": f"{CURL} -X POST" if post_only else CURL,
        "upload": f"{CURL} --data-binary @-",
        "times": times,
        "common_times": "" if _star_decides(times) else times,
        "zone": "" if schedule.kind == "interval" or schedule.tz == "UTC" else schedule.tz,
        "every": schedule.interval_seconds,
        "calendar": timer_times(schedule),
        # A UUID may start with a digit, and a slug may have a "_": neither is a name everywhere.
        "unit": f"job-{address.replace('_', '-').strip('-')}"[:52].rstrip("-"),
    }


def _times(schedule: Schedule) -> str:
    """Five fields of numbers that every crontab reads; "" for a schedule beyond them."""
    if schedule.kind != "cron":
        return crontab_times(schedule) or ""
    fields = read_cron(schedule.expression or "").fields.split(" ")
    sets = field_values(fields)
    if sets is None or any(int(first) > int(last) for first, last in _RANGE.findall(" ".join(fields))):
        return ""  # `L`, `#`, or a range past the end, which Debian's cron refuses
    if "7" in fields[4]:
        fields[4] = ",".join(str(day) for day in sorted({day % 7 for day in sets[4]}))
    return " ".join(fields)


def _star_decides(times: str) -> bool:
    """Whether it means one thing to cron and another to Kubernetes.

    Of two day fields cron takes both when one starts with a star, Kubernetes only when one is nothing but a star.
    """
    _, _, day, _, weekday = times.split(" ") if times else "* * * * *".split()
    return "*" not in (day, weekday) and (day.startswith("*") or weekday.startswith("*"))


def _for_cron(text: str) -> str:
    """cron makes a line's end of a bare percent sign."""
    return text.replace("%", "\\%")


def _for_systemd(text: str) -> str:
    """A unit file reads a percent sign as the start of a specifier."""
    return text.replace("%", "%%")


@cache
def _environment() -> Environment:
    # Plain text for people to copy; the page escapes it as a whole.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(TEMPLATES / "recipes"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cron": _for_cron, "systemd": _for_systemd}
    return environment
