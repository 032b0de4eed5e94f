"""How many attacks were tried, by class: each test says how many, and the class is the name of its file."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

TRIED = "attacks"
"""Under this name a test's report carries its number, also from another process."""

# Tests that stand with the part they attack; each case is one attack.
ELSEWHERE = {
    "tests/channels/test_egress.py": "ssrf",
    "tests/rules/test_strangers.py": "idor",
    "tests/api/test_hostile.py": "input",
    "tests/web/admin/test_every_route.py": "admin",
    "tests/store/test_admins.py": "admin",
}


def by_class(reports: Iterable[pytest.TestReport]) -> Counter[str]:
    """Attacks that were tried and led nowhere."""
    found: Counter[str] = Counter()
    for report in reports:
        file = report.nodeid.partition("::")[0]
        if file in ELSEWHERE:
            found[ELSEWHERE[file]] += 1
        for name, number in report.user_properties:
            if name == TRIED and isinstance(number, int):
                found[Path(file).stem.removeprefix("test_")] += number
    return found


def told(found: Counter[str]) -> str:
    """The line below the tests."""
    parts = (f"{name} {number:,}" for name, number in sorted(found.items()))
    return f"{found.total():,} attacks tried: {', '.join(parts)}"
