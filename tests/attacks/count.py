"""How many attacks were tried, by class: each test says how many, and the class is the name of its file."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

TRIED = "attacks"
"""Under this name a test's report carries its number, also from another process."""

# Tests that stand with the part they attack, whole files and single tests; each case is one attack.
ELSEWHERE = {
    "tests/channels/test_egress.py": "ssrf",
    "tests/rules/test_strangers.py": "idor",
    "tests/api/test_hostile.py": "input",
    "tests/web/admin/test_every_route.py": "admin",
    "tests/web/admin/test_attacks.py": "admin",
    "tests/web/admin/test_logins.py": "admin",
    "tests/store/test_admins.py": "admin",
    "tests/test_admin_forgeries.py": "forgery",
    "tests/test_metrics.py::test_nothing_else_opens_it": "guessing",
    "tests/test_metrics.py::test_without_the_setting_no_token_is_one": "guessing",
    "tests/domain/test_telegram_login.py": "forgery",
    "tests/web/test_telegram_login.py": "telegram",
    "tests/web/test_telegram_link.py": "telegram",
    "tests/web/test_telegram_open.py": "telegram",
    "tests/api/test_access_keys.py": "access_keys",
    "tests/web/test_security.py": "csrf",
    # Limits, each below, at and above: logins and pages, renewals of admins, slugs.
    "tests/web/test_page_limits.py": "guessing",
    "tests/api/test_admin.py::test_renewals_are_limited_by_address": "guessing",
    "tests/web/admin/test_logout.py::test_who_may_not_renew_may_still_log_out": "guessing",
    "tests/web/test_names.py::test_looking_up_never_uses_up_changes": "guessing",
}


def by_class(reports: Iterable[pytest.TestReport]) -> Counter[str]:
    """Attacks that were tried and led nowhere."""
    found: Counter[str] = Counter()
    for report in reports:
        file = report.nodeid.partition("::")[0]
        test = report.nodeid.partition("[")[0]
        if where := ELSEWHERE.get(file) or ELSEWHERE.get(test):
            found[where] += 1
        for name, number in report.user_properties:
            if name == TRIED and isinstance(number, int):
                found[Path(file).stem.removeprefix("test_")] += number
    return found


def told(found: Counter[str]) -> str:
    """The line below the tests."""
    parts = (f"{name} {number:,}" for name, number in sorted(found.items()))
    return f"{found.total():,} attacks tried: {', '.join(parts)}"
