"""The command that reports a success, and the times of a crontab that match a schedule. Pure."""

from urllib.parse import quote

from ttr.domain.check import Check
from ttr.domain.schedule import Schedule

CURL = "curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null"
"""Quiet, in ten seconds a try, and tried again: a job's report is worth more than a try."""


def plain_url(url: str) -> str:
    """The URL with all that a shell, a scheduler or a language could take for its own percent-encoded.

    What is left means the same bare and inside of any quotes, but for `%`, which cron and systemd read.
    """
    return quote(url, safe="%/:@,+=[]")


def ping_command(check: Check, url: str) -> str:
    """What a shell runs at the end of a job."""
    curl = f"{CURL} -X POST" if check.settings.post_only else CURL
    return f"{curl} {plain_url(url)}"


def crontab_times(schedule: Schedule) -> str | None:
    """The five fields of a crontab that run a job on this schedule; None when there are none."""
    if schedule.kind == "cron":
        text = schedule.expression or ""
        return text if len(text.split()) == 5 and "\n" not in text else None
    seconds = schedule.interval_seconds or 0
    minutes, hours = seconds // 60, seconds // 3_600
    if seconds % 60 or not seconds:
        return None
    if minutes < 60 and 60 % minutes == 0:
        return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
    if minutes % 60 == 0 and hours < 24 and 24 % hours == 0:
        return "0 * * * *" if hours == 1 else f"0 */{hours} * * *"
    return {24: "0 3 * * *", 168: "0 3 * * 1"}.get(hours) if minutes % 60 == 0 else None
