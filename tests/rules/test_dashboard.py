"""The dashboard for Grafana: it is one of its classic model, and what its queries name is what /metrics gives."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.promtool import promtool
from tests.rules.test_alerts import CATALOGUE, DOCS, VALUES
from ttr.domain.metrics import METRICS

BOARD: dict[str, Any] = json.loads((DOCS / "grafana.json").read_text())
PANELS: list[dict[str, Any]] = BOARD["panels"]
QUERIES = [
    pytest.param(target, id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel.get("targets", [])
]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS = 24
_SERIES = {
    f"{metric.name}{part}": {*metric.labels, *more}
    for metric in METRICS.values()
    if metric.kind == "histogram"
    for part, more in (("_bucket", ("le",)), ("_count", ()), ("_sum", ()))
}
NAMED = {name: labels for name, labels in CATALOGUE.items() if f"{name}_bucket" not in _SERIES} | _SERIES
"""Series -> their labels."""


def test_it_is_a_dashboard_that_any_installation_takes() -> None:
    assert (BOARD["id"], BOARD["uid"], BOARD["title"], BOARD["schemaVersion"]) == (None, "ttr", "ttr", 42)
    assert {
        "annotations",
        "links",
        "panels",
        "refresh",
        "tags",
        "templating",
        "time",
        "version",
    } <= BOARD.keys()
    (variable,) = BOARD["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    # Nothing of the installation in which it was drawn.
    assert (variable["current"], BOARD.get("__inputs")) == ({}, None)
    assert re.findall(r'"uid": "([^"]*)"', (DOCS / "grafana.json").read_text()).count("ttr") == 1


def test_every_panel_has_a_place_of_its_own() -> None:
    assert [panel["id"] for panel in PANELS] == list(range(1, len(PANELS) + 1))
    places = [panel["gridPos"] for panel in PANELS]
    for place in places:
        assert min(place["x"], place["y"]) >= 0 < min(place["h"], place["w"])
        assert place["x"] + place["w"] <= _COLUMNS
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_asks_the_chosen_source(panel: dict[str, Any]) -> None:
    if panel["type"] == "row":
        assert panel["panels"] == []
        return
    assert panel["type"] in ("stat", "timeseries")
    assert panel["description"].endswith(".")
    assert panel["datasource"] == SOURCE
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["fieldConfig"]["overrides"] == []
    targets = panel["targets"]
    assert [target["refId"] for target in targets] == ["A", "B", "C"][: len(targets)]
    assert all(target["datasource"] == SOURCE for target in targets)


@pytest.mark.parametrize("target", QUERIES)
def test_what_a_query_names_is_there(target: dict[str, Any]) -> None:
    expr = target["expr"]
    named = set(re.findall(r"\bttr_\w+", expr))
    assert named
    assert named <= NAMED.keys()
    # A rate is of what only grows, and of nothing else.
    rated = set(re.findall(r"rate\((\w+)\[", expr))
    counts = {name for name in named if name in _SERIES or name in METRICS}
    assert rated == counts
    for name, matchers in re.findall(r"\b(ttr_\w+)\{([^}]*)\}", expr):
        for label, value in re.findall(r'(\w+)="([^"]*)"', matchers):
            assert label in NAMED[name], (name, label)
            assert value in VALUES[label] | ({"down"} if name == "ttr_checks_total" else set())
    grouped = {label for labels in re.findall(r"by \(([^)]*)\)", expr) for label in labels.split(", ")}
    for label in grouped:
        assert all(label in NAMED[name] for name in named), label
    # A legend names what is kept apart, no more and no less.
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) == grouped - {"le"}


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    exprs = [
        target["expr"].replace("$__rate_interval", "5m")
        for panel in PANELS
        for target in panel.get("targets", [])
    ]
    rules = [{"record": f"dashboard:{n}", "expr": expr} for n, expr in enumerate(exprs)]
    written = tmp_path / "dashboard.yml"
    written.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    status, said = promtool("check", "rules", written)
    assert (status, f"SUCCESS: {len(rules)} rules found" in said) == (0, True), said
