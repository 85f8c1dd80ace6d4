"""Alerts come when they should, and what they and the dashboard ask for exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram

from app.telemetry.metrics import TABLE
from tests.tools import ROOT, run, tool

pytestmark = pytest.mark.deploy
MONITORING = ROOT / "deploy" / "monitoring"
RULES = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
ALERTS = [rule for group in RULES for rule in group["rules"] if "alert" in rule]
RECORDS = {rule["record"] for group in RULES for rule in group["rules"] if "record" in rule}
TESTS = yaml.safe_load((MONITORING / "rules.test.yaml").read_text())["tests"]
PANELS = [
    each for each in json.loads((MONITORING / "dashboard.json").read_text())["panels"] if "targets" in each
]
TARGETS = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [
    *TARGETS,
    *((rule.get("alert", rule.get("record")), rule["expr"]) for g in RULES for rule in g["rules"]),
]
PROMTOOL = "apt-get install prometheus"


def series() -> dict[str, set[str]]:
    """Every series that Berth shows, and the labels that it may have."""
    found: dict[str, set[str]] = {}
    for metric in TABLE:
        ends = {Counter: ["_total"], Histogram: ["_bucket", "_sum", "_count"]}.get(metric.kind, [""])
        for end in ends:
            found[metric.name + end] = {*metric.labels, *(["le"] if end == "_bucket" else [])}
    return found


def selectors(expression: str) -> list[tuple[str, str]]:
    """Every series of Berth's in an expression, with what stands in its braces."""
    return re.findall(r"\b(berth[\w:]*)\b(?:\{([^}]*)\})?", expression)


def test_the_rules_are_right() -> None:
    """As Prometheus reads them."""
    assert "SUCCESS" in run(tool("promtool", PROMTOOL), "check", "rules", str(MONITORING / "rules.yaml"))


def test_prometheus_reads_its_configuration() -> None:
    """The one of deploy/compose; the rules are mounted elsewhere there."""
    said = run(
        tool("promtool", PROMTOOL), "check", "config", "--syntax-only", str(MONITORING / "prometheus.yaml")
    )
    assert "SUCCESS" in said


def test_every_alert_comes_and_stays_away_as_its_test_says() -> None:
    """Promtool plays series to the rules, and compares alerts with their words."""
    assert "SUCCESS" in run(tool("promtool", PROMTOOL), "test", "rules", str(MONITORING / "rules.test.yaml"))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_an_alert_has_a_test_a_severity_and_a_page(alert: dict[str, Any]) -> None:
    """Who is woken by it finds out what to do; the page names the alert."""
    comes, stays = (
        {
            each["alertname"]
            for test in TESTS
            for each in test["alert_rule_test"]
            if bool(each.get("exp_alerts")) is expected
        }
        for expected in (True, False)
    )
    assert alert["alert"] in comes
    assert alert["alert"] in stays
    assert alert["labels"]["severity"] in ("critical", "warning")
    page = ROOT / alert["annotations"]["runbook_url"]
    assert page.parent == ROOT / "docs" / "operate" / "runbook"
    assert f"`{alert['alert']}`" in page.read_text()


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS)
def test_an_expression_asks_for_metrics_and_labels_that_exist(name: str, expression: str) -> None:
    """A panel that asks for a metric of yesterday is empty, and an alert never comes."""
    known = series()
    found = selectors(expression)
    assert found, name
    for metric, labels in found:
        assert metric in known or metric in RECORDS, metric
        named = set(re.findall(r"(\w+)\s*[=!]", labels))
        assert named <= known.get(metric, set()), metric
    grouped = {
        word.strip() for words in re.findall(r"by \(([^)]*)\)", expression) for word in words.split(",")
    }
    everything = set().union(*(known.get(metric, {"prefix"}) for metric, _ in found))
    assert grouped <= everything


def test_every_expression_of_the_dashboard_is_promql(tmp_path: Path) -> None:
    """Prometheus parses them, Grafana's variable for the interval filled in."""
    rules = [
        {"record": f"x{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, (_, expression) in enumerate(TARGETS)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    said = run(tool("promtool", PROMTOOL), "check", "rules", str(file))
    assert f"SUCCESS: {len(TARGETS)} rules found" in said


def test_every_metric_is_looked_at() -> None:
    """By the dashboard or by a rule; what nobody looks at need not be measured."""
    asked = {metric for _, expression in EXPRESSIONS for metric, _ in selectors(expression)}
    unseen = {
        metric.name
        for metric in TABLE
        if not any(re.fullmatch(rf"{metric.name}(_total|_bucket|_sum|_count)?", each) for each in asked)
    }
    assert unseen == set()
