"""Alerts speak of metrics that exist, each has a runbook, and each runbook names commands and log lines that exist."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Literal

import promql_parser
import pytest
import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field

from slrt_intake.cli import main as intake
from slrt_kit.metrics import CATALOGUE, Metric
from slrt_referral.cli import main as referral

ROOT = Path(__file__).resolve().parents[3]
OTEL = ROOT / "deploy" / "otel"
RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ["What residents feel", "Confirm", "Do", "Over when"]
OF_THE_TARGET = {"service", "instance", "job"}
"""Labels that Prometheus gives to what it asks."""
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
PROMETHEUS: dict[str, Any] = yaml.safe_load((OTEL / "prometheus.yml").read_text(encoding="utf-8"))


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Labels(Part):
    severity: Literal["critical", "warning"]


class Annotations(Part):
    summary: str = Field(min_length=20)
    runbook_url: str


class Rule(Part):
    alert: str = Field(pattern=r"^[A-Z][A-Za-z]+$")
    expr: str
    wait: str = Field(default="0s", alias="for", pattern=r"^\d+[smh]$")
    labels: Labels
    annotations: Annotations


class RuleGroup(Part):
    name: str
    rules: list[Rule]


class Rules(Part):
    groups: list[RuleGroup]


@cache
def rules() -> dict[str, Rule]:
    found = Rules.model_validate(yaml.safe_load((OTEL / "alerts.yml").read_text(encoding="utf-8")))
    named = [(rule.alert, rule) for group in found.groups for rule in group.rules]
    assert len(named) == len(dict(named))
    return dict(named)


def metric_of(name: str) -> Metric | None:
    """The metric that a time series belongs to."""
    if name in CATALOGUE:
        return CATALOGUE[name] if CATALOGUE[name].kind != "histogram" else None
    metric = CATALOGUE.get(re.sub("_(bucket|count|sum)$", "", name))
    return metric if metric and metric.kind == "histogram" else None


def selectors(expression: str) -> list[Any]:
    """The vector selectors of an expression. Raises ValueError: it is none."""
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def problems_of(expression: str) -> list[str]:
    """What is wrong with an expression, by our catalogue."""
    try:
        found = selectors(expression)
    except ValueError as error:
        return [f"no PromQL: {error}"]
    problems = [] if found else ["it asks for no metric"]
    for selector in found:
        if selector.name == "up":
            continue
        metric = metric_of(selector.name or "")
        if metric is None:
            problems.append(f"{selector.name} is not in the catalogue")
            continue
        labels = {label.name: label for label in metric.labels}
        for matcher in selector.matchers.matchers:
            label = labels.get(matcher.name)
            if label is None and matcher.name not in OF_THE_TARGET:
                problems.append(f"{selector.name} has no label {matcher.name}")
            elif label and label.values and matcher.op == promql_parser.MatchOp.Equal:
                problems += [] if matcher.value in label.values else [f"{matcher.name} is never {matcher.value}"]
    kept = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", expression))))
    known = OF_THE_TARGET | {"le"} | {label.name for each in found if (m := metric_of(each.name)) for label in m.labels}
    return problems + [f"nothing can be told apart by {label}" for label in sorted(kept - known)]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("max by (service) (slrt_outbox_oldest_secs) > 1", "slrt_outbox_oldest_secs is not in the catalogue"),
        ("slrt_http_request_seconds > 1", "slrt_http_request_seconds is not in the catalogue"),
        ("slrt_relay_stuck_count > 1", "slrt_relay_stuck_count is not in the catalogue"),
        ('slrt_relay_stuck{topic="x"} > 0', "slrt_relay_stuck has no label topic"),
        ('rate(slrt_consumer_events_total{outcome="dead"}[5m]) > 0', "outcome is never dead"),
        ('rate(slrt_http_request_seconds_count{status="503"}[5m]) > 0', "status is never 503"),
        ("max by (consumer) (slrt_relay_stuck) > 0", "nothing can be told apart by consumer"),
        ("rate(slrt_relay_errors_total) > 0", "no PromQL"),
        ("max by service (slrt_relay_stuck", "no PromQL"),
        ("rates(slrt_relay_errors_total[5m]) > 0", "no PromQL"),
        ("vector(1) > 0", "it asks for no metric"),
    ],
)
def test_a_wrong_expression_is_told_so(expression: str, problem: str) -> None:
    assert any(problem in found for found in problems_of(expression)), problems_of(expression)


@pytest.mark.parametrize("alert", rules())
def test_an_alert_asks_for_metrics_and_labels_of_the_catalogue_alone(alert: str) -> None:
    assert problems_of(rules()[alert].expr) == []


@pytest.mark.parametrize("alert", rules())
def test_what_an_alert_says_names_only_labels_that_it_has(alert: str) -> None:
    rule = rules()[alert]
    kept = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", rule.expr)))) or OF_THE_TARGET
    said = set(re.findall(r"\$labels\.(\w+)", rule.annotations.summary))
    assert said
    assert said <= kept


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == set(rules())
    for alert, rule in rules().items():
        assert rule.annotations.runbook_url == f"docs/runbooks/{alert}.md"


def test_the_list_of_runbooks_names_each_with_its_severity_and_is_linked_from_the_documentation() -> None:
    listed = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", (RUNBOOKS / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert listed == [(alert, alert, rule.labels.severity) for alert, rule in rules().items()]
    assert "runbooks/README.md" in (ROOT / "docs" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("alert", rules())
def test_a_runbook_says_what_it_means_what_residents_feel_how_to_confirm_what_to_do_and_when_it_is_over(
    alert: str,
) -> None:
    title, *parts = re.split(r"^## ", (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert title.startswith(f"# {alert}\n\n")
    assert len(title) > len(alert) + 60, "what it means stands under the title"
    assert [part.partition("\n")[0] for part in parts] == SECTIONS
    assert all(part.partition("\n")[2].strip() for part in parts)


@pytest.mark.parametrize("alert", rules())
def test_every_metric_that_a_runbook_names_is_in_the_catalogue(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bslrt_[a-z_]+\b", text)) - {"slrt_kit"}
    assert {name for name in named if name not in CATALOGUE and metric_of(name) is None} == set()


def command_of(words: list[str]) -> Any:
    """The command that a service's command line has under these words; None when there is none."""
    here: Any = typer.main.get_command(referral if words[0] == "slrt-referral" else intake)
    for word in words[1:]:
        if not hasattr(here, "commands"):
            break
        here = here.commands.get(word)
        if here is None:
            return None
    return None if hasattr(here, "commands") else here


def unknown_in(command: str) -> list[str]:
    """What of a command line does not exist."""
    words = command.split()
    found = command_of(words)
    if found is None:
        return [command]
    options = {option for parameter in found.params for option in parameter.opts}
    return [f"{command}: {word}" for word in words if word.startswith("--") and word not in options]


def test_a_command_that_does_not_exist_is_told_so() -> None:
    assert unknown_in("slrt-<service> outbox stats")
    assert unknown_in("slrt-<service> outbox")
    assert unknown_in("slrt-<service> outbox status --verbose")
    assert unknown_in("slrt-<service> outbox status --json") == []


@pytest.mark.parametrize("alert", rules())
def test_every_command_that_a_runbook_names_exists(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    commands = re.findall(r"`(slrt-(?:<service>|referral|notification) [^`]*)`", text)
    assert [problem for command in commands for problem in unknown_in(command)] == []


@cache
def sources() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in (ROOT / "kit" / "src").rglob("*.py"))


@pytest.mark.parametrize("alert", rules())
def test_every_log_line_that_a_runbook_quotes_is_written_by_the_kit(alert: str) -> None:
    quoted = re.findall(r'`("[^"`…]+")`', (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8"))
    assert [line for line in quoted if line not in sources()] == []


@pytest.mark.parametrize("page", ["README", *rules()])
def test_every_link_of_a_runbook_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (RUNBOOKS / f"{page}.md").read_text(encoding="utf-8"))
    assert [link for link in links if not (RUNBOOKS / link).exists()] == []


def test_prometheus_loads_the_alerts_from_where_compose_puts_them() -> None:
    mounted = dict(volume.split(":")[:2] for volume in COMPOSE["services"]["prometheus"]["volumes"])
    (loaded,) = PROMETHEUS["rule_files"]
    assert mounted["./deploy/otel/alerts.yml"] == loaded
    assert mounted["./deploy/otel/prometheus.yml"] in " ".join(COMPOSE["services"]["prometheus"]["command"])


def test_prometheus_asks_every_process_of_the_suite_and_knows_whose_it_is() -> None:
    (job,) = [job for job in PROMETHEUS["scrape_configs"] if job["job_name"] == "slrt"]
    asked = {target: group["labels"]["service"] for group in job["static_configs"] for target in group["targets"]}
    ours = {
        f"{name}:8000": service["image"].partition(":")[0].removeprefix("slrt-")
        for name, service in COMPOSE["services"].items()
        if service["image"].startswith(("slrt-intake", "slrt-referral", "slrt-registry", "slrt-notification"))
        and service.get("restart") != "no"
    }
    assert asked == ours
    scaled = yaml.safe_load((ROOT / "deploy" / "compose.scale.yml").read_text(encoding="utf-8"))["services"]
    (apart,) = [job for job in PROMETHEUS["scrape_configs"] if job["job_name"] == "slrt-scaled"]
    assert set(apart["dns_sd_configs"][0]["names"]) == set(scaled) - set(COMPOSE["services"])


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    cases = yaml.safe_load((OTEL / "alerts.test.yml").read_text(encoding="utf-8"))["tests"]
    expected: dict[str, list[bool]] = {alert: [] for alert in rules()}
    for case in cases:
        asked = case["alert_rule_test"]
        expected[asked[0]["alertname"]].append(any(bool(each["exp_alerts"]) for each in asked))
    assert expected == {alert: [True, False] for alert in rules()}


def test_the_alerts_fire_when_they_should_and_only_then(promtool: str) -> None:
    done = subprocess.run(
        [promtool, "test", "rules", "alerts.test.yml"],
        cwd=OTEL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration(promtool: str, tmp_path: Path) -> None:
    (loaded,) = PROMETHEUS["rule_files"]
    text = (OTEL / "prometheus.yml").read_text(encoding="utf-8").replace(loaded, str(tmp_path / "alerts.yml"))
    (tmp_path / "prometheus.yml").write_text(text, encoding="utf-8")
    shutil.copy(OTEL / "alerts.yml", tmp_path)
    done = subprocess.run(
        [promtool, "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
