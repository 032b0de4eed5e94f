"""The rules for Prometheus: it takes them, each fires when it should and not before, and what they name is there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.promtool import promtool
from ttr.app import create_app
from ttr.domain.gauges import GAUGES
from ttr.domain.liveness import KINDS, STATES
from ttr.domain.metrics import METRICS
from ttr.ping.desk import ANSWERS
from ttr.queue_redis import QUEUE
from ttr.settings import Settings, load_settings

DOCS = Path(__file__).parents[2] / "docs/prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((DOCS / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
CATALOGUE = {name: set(one.labels) for name, one in (GAUGES | METRICS).items()}
VALUES = {
    "state": set(STATES),
    "kind": set(KINDS),
    "window": {"1d", "100d"},
    "status": {"success", "error"},
    "answer": {*ANSWERS.values(), "other"},
    "queue_name": {QUEUE},
    "work": {"worker", "queue"},
}
"""What the labels that rules look at may be."""

Series = dict[str, str]
"""Samples 15 s apart for 20 minutes, at whose end it is asked what fires. "5" stays 5, "0+2" grows by 2 each time, "_"
is none; "1|3:0" is 1, and 0 for the last 3 samples."""
_COUNT = 80

CASES: dict[str, tuple[list[Series], list[Series]]] = {
    "TtrNotScraped": (
        [{}, {'up{job="ttr"}': "0"}, {'up{job="other"}': "1"}, {'up{job="ttr"}': "1|9:0"}],
        [
            {'up{job="ttr"}': "1"},
            {'up{job="ttr"}': "1|7:0"},
            {'up{job="ttr",instance="a"}': "1", 'up{job="ttr",instance="b"}': "0"},
        ],
    ),
    "TtrRedisAway": ([{"ttr_redis_up": "0"}], [{"ttr_redis_up": "1"}, {"ttr_redis_up": "1|3:0"}, {}]),
    "TtrClockSilent": (
        [{"ttr_clock_silent_seconds": "10.5"}, {"ttr_clock_silent_seconds": "+Inf"}],
        [{"ttr_clock_silent_seconds": "10"}, {"ttr_clock_silent_seconds": "1|2:11"}],
    ),
    "TtrNoWorker": (
        [{"ttr_workers_online": "0"}],
        [{"ttr_workers_online": "1"}, {"ttr_workers_online": "1|3:0"}],
    ),
    "TtrWorkMissing": (
        [{'ttr_work_missing{work="dispatch"}': "1"}],
        [
            {'ttr_work_missing{work="worker"}': "1"},
            {'ttr_work_missing{work="queue"}': "1"},
            {'ttr_work_missing{work="watch"}': "_|3:1"},
        ],
    ),
    "TtrOverdue": (
        [{"ttr_overdue_lag_seconds": "31"}],
        [{"ttr_overdue_lag_seconds": "30"}, {"ttr_overdue_lag_seconds": "0|3:100"}],
    ),
    "TtrAlertsNotHandedOut": (
        [{"ttr_outbox_age_seconds": "61"}],
        [{"ttr_outbox_age_seconds": "60"}, {"ttr_outbox_age_seconds": "0|3:100"}],
    ),
    "TtrDeliveriesLate": (
        [{"ttr_delivery_lag_seconds": "61"}],
        [{"ttr_delivery_lag_seconds": "60"}, {"ttr_delivery_lag_seconds": "0|7:100"}],
    ),
    "TtrDeliveriesFail": (
        [
            {
                'ttr_notifications_sent_total{status="error",type="slack"}': "0+2",
                'ttr_notifications_sent_total{status="success",type="slack"}': "0+1",
            },
            {'ttr_notifications_sent_total{status="error",type="email"}': "0+1"},
        ],
        [
            {
                'ttr_notifications_sent_total{status="error",type="slack"}': "0+1",
                'ttr_notifications_sent_total{status="success",type="slack"}': "0+2",
            },
            # Another kind's success hides nothing, and a kind's few errors are no outage.
            {
                'ttr_notifications_sent_total{status="error",type="slack"}': "7|3:9",
                'ttr_notifications_sent_total{status="success",type="webhook"}': "0+9",
            },
        ],
    ),
    "TtrPingsRefused": (
        [
            {'ttr_pings_total{kind="success",answer="unstored"}': "0+1"},
            {'ttr_pings_total{kind="none",answer="other"}': "0+1"},
        ],
        [
            {'ttr_pings_total{kind="success",answer="ok"}': "0+9"},
            {'ttr_pings_total{kind="success",answer="unstored"}': "50"},
            {'ttr_pings_total{kind="none",answer="limited"}': "0+9"},
        ],
    ),
    "TtrRedisFull": (
        [{"ttr_redis_memory_used_bytes": "86", "ttr_redis_memory_max_bytes": "100"}],
        [
            {"ttr_redis_memory_used_bytes": "85", "ttr_redis_memory_max_bytes": "100"},
            {"ttr_redis_memory_used_bytes": "86", "ttr_redis_memory_max_bytes": "0"},
            {"ttr_redis_memory_used_bytes": "10|19:99", "ttr_redis_memory_max_bytes": "100"},
        ],
    ),
    "TtrRedisCannotWrite": ([{"ttr_redis_last_write_ok": "0"}], [{"ttr_redis_last_write_ok": "1"}]),
    "TtrRedisNotSaved": (
        [{"ttr_redis_last_save_ok": "0"}],
        [{"ttr_redis_last_save_ok": "1"}, {"ttr_redis_last_save_ok": "1|50:0"}],
    ),
    "TtrRedisNotDurable": ([{"ttr_redis_aof_enabled": "0"}], [{"ttr_redis_aof_enabled": "1"}]),
    "TtrRedisEvicts": (
        [{"ttr_redis_evicted_keys_total": "0|9:1"}],
        [{"ttr_redis_evicted_keys_total": "0"}, {"ttr_redis_evicted_keys_total": "9"}],
    ),
    "TtrQueueAway": ([{"ttr_queue_up": "0"}], [{"ttr_queue_up": "1"}, {"ttr_queue_up": "1|3:0"}]),
    "TtrJobsBrokeOff": (
        [{"ttr_failed_jobs": "1"}],
        [{"ttr_failed_jobs": "0"}, {"ttr_failed_jobs": "0|30:1"}],
    ),
    "TtrPostgresAway": (
        [{"ttr_postgres_up": "0"}],
        [{"ttr_postgres_up": "1"}, {"ttr_postgres_up": "1|19:0"}, {}],
    ),
    "TtrSnapshotOld": (
        [{"ttr_snapshot_lag_seconds": "301"}],
        [{"ttr_snapshot_lag_seconds": "300"}, {"ttr_snapshot_lag_seconds": "9|3:400"}, {}],
    ),
    "TtrLoopStuck": (
        [{'ttr_loops_stuck{kind="clock",loop="watch"}': "1"}],
        [
            {'ttr_loops_stuck{kind="clock",loop="watch"}': "0"},
            {'ttr_loops_stuck{kind="web",loop="tick"}': "0|3:1"},
        ],
    ),
    "TtrProcessSilent": (
        [{'ttr_processes{kind="web",state="silent"}': "0|1:1"}],
        [{'ttr_processes{kind="web",state="silent"}': "0", 'ttr_processes{kind="web",state="stuck"}': "1"}],
    ),
    "TtrProcessRestarts": (
        [{'ttr_process_start_time_seconds{kind="web"}': "100+10"}],
        [
            {'ttr_process_start_time_seconds{kind="web"}': "100|8:200"},
            {'ttr_process_start_time_seconds{kind="sender"}': "100+10"},
        ],
    ),
    "TtrBlind": (
        [{'ttr_gap_seconds{window="100d"}': "50|8:60"}],
        [
            {'ttr_gap_seconds{window="100d"}': "50"},
            {'ttr_gap_seconds{window="100d"}': "50|8:20"},
            {'ttr_gap_seconds{window="1d"}': "50|8:60"},
        ],
    ),
}


def values(text: str) -> str:
    """The samples in promtool's notation."""
    first, _, rest = text.partition("|")
    last, _, then = rest.partition(":")
    left = _COUNT + 1 - int(last or 0)

    def times(value: str, count: int) -> str:
        if value in ("_", "+Inf"):
            return " ".join([value] * count)
        return f"{value if '+' in value else value + '+0'}x{count - 1}"

    return times(first, left) + (f" {times(then, int(last))}" if last else "")


def test_every_rule_is_tried_and_none_beside() -> None:
    assert [rule["alert"] for rule in RULES] == list(CASES)


def test_prometheus_takes_rules_and_job() -> None:
    status, said = promtool("check", "rules", DOCS / "rules.yml")
    assert (status, f"SUCCESS: {len(RULES)} rules found" in said) == (0, True), said
    status, said = promtool("check", "config", "--syntax-only", DOCS / "scrape.yml")
    assert status == 0, said


def test_each_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    groups = [
        {
            "name": f"{alert} {'fires' if fires else 'is quiet'}: {series}",
            "interval": "15s",
            "input_series": [{"series": name, "values": values(text)} for name, text in series.items()]
            or [{"series": "nothing", "values": values("1")}],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)',
                    "eval_time": "20m",
                    "exp_samples": [{"labels": "{}", "value": int(fires)}],
                }
            ],
        }
        for alert, cases in CASES.items()
        for fires, some in zip((True, False), cases, strict=True)
        for series in some
    ]
    written = tmp_path / "rules_test.yml"
    written.write_text(
        yaml.safe_dump(
            {"rule_files": [str(DOCS / "rules.yml")], "evaluation_interval": "15s", "tests": groups}
        )
    )
    status, said = promtool("test", "rules", written)
    assert status == 0, said


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_what_a_rule_names_is_there(rule: dict[str, Any]) -> None:
    expr = rule["expr"]
    named = set(re.findall(r"\bttr_\w+", expr))
    assert named or "up{" in expr
    assert named <= CATALOGUE.keys()
    for name, matchers in re.findall(r"\b(ttr_\w+)\{([^}]*)\}", expr):
        for label, values in re.findall(r'(\w+)[=!]~?"([^"]*)"', matchers):
            assert label in CATALOGUE[name], (name, label)
            assert set(values.split("|")) <= VALUES[label], (label, values)
    grouped = {label for labels in re.findall(r"by \(([^)]*)\)", expr) for label in labels.split(", ")}
    shown = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    for label in grouped | shown:
        assert all(label in CATALOGUE[name] for name in named), label


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"].keys() == {"summary", "description"}
    said = rule["annotations"]["summary"] + " " + rule["annotations"]["description"]
    assert set(re.findall(r"\bttr_\w+", said)) <= CATALOGUE.keys()
    assert set(re.findall(r"\bTtr\w+", said)) <= CASES.keys()
    known = {name.upper() for name in Settings.model_fields}
    settings = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b(?!_\*)", said))
    assert settings <= known
    pages = {
        page.rule for page in create_app(load_settings({"REDIS_URL": "redis://nowhere"})).url_map.iter_rules()
    }
    assert set(re.findall(r"(?<![\w.])/[a-z/]+", said)) <= pages
