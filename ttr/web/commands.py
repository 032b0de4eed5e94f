"""The lines a check's owner copies into a job, with the real ping URL in them. Pure."""

from dataclasses import dataclass

from ttr.domain.check import Check
from ttr.domain.schedule import Schedule

_CURL = "curl -fsS -m 10 --retry 5 --retry-connrefused -o /dev/null"


@dataclass(frozen=True, slots=True)
class Line:
    """One line to copy, and where it goes."""

    title: str
    text: str


def lines(check: Check, url: str) -> list[Line]:
    """Ready lines for a shell, a crontab and a job whose run time and exit status should be known."""
    curl = f"{_CURL} -X POST" if check.settings.post_only else _CURL
    found = [Line("At the end of a script", f"{curl} {url}")]
    if times := crontab_times(check.settings.schedule):
        found.append(Line("In a crontab", f"{times} /path/to/job && {curl} {url}"))
    found.append(Line("With run time and exit status", f"{curl} {url}/start; /path/to/job; {curl} {url}/$?"))
    return found


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
