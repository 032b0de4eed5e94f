"""The examples of docs/schedules.md are read, and come due when it says."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ttr.domain.schedule import next_due, parse_schedule

PAGE = (Path(__file__).parents[2] / "docs/schedules.md").read_text()
ZONE = "Europe/Riga"
NOON = int(datetime(2026, 11, 30, 12, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)


def examples(heading: str, kind: str) -> list[tuple[str, str, str]]:
    """(kind, expression, when it is due next) of the table below a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)`[^|]*\|[^|]+\| (\w{3} [^|]+) \|$", section, re.MULTILINE)
    return [(kind, expression, due) for expression, due in rows]


EXAMPLES = examples("Cron", "cron") + examples("OnCalendar", "oncalendar")


@pytest.mark.parametrize(("kind", "expression", "due"), EXAMPLES)
def test_an_example_is_due_when_the_page_says(kind: str, expression: str, due: str) -> None:
    schedule = parse_schedule(kind, interval_seconds=None, expression=expression, tz=ZONE, now=NOON)
    found = next_due(schedule, NOON)
    assert found is not None
    when = datetime.fromtimestamp(found / 1000, ZoneInfo(ZONE))

    assert f"{when:%a} {when.day} {when:%b %H:%M}" == due


def test_both_tables_are_found() -> None:
    assert len(EXAMPLES) == 20
