"""The catalogue of metrics: nothing explodes, nothing is declared elsewhere, its page is what it says."""

import re
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from slrt_kit import metrics
from slrt_kit.metrics import CATALOGUE, OTHER, Bounded, Label


def counted(*labels: Label) -> tuple[Bounded[Counter], CollectorRegistry]:
    registry = CollectorRegistry()
    return Bounded(Counter("t_total", "t", [label.name for label in labels], registry=registry), labels), registry


def shown(registry: CollectorRegistry) -> list[dict[str, str]]:
    samples = chain.from_iterable(family.samples for family in registry.collect())
    return [dict(sample.labels) for sample in samples if sample.name == "t_total"]


@pytest.mark.parametrize("bounds", [{}, {"values": frozenset({"a"}), "most": 1}])
def test_a_label_without_a_bound_or_with_two_cannot_be_declared(bounds: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no bound, or two"):
        Label("x", "anything", **bounds)  # type: ignore[arg-type]


def test_values_off_the_closed_list_are_one_series_however_many_come() -> None:
    family, registry = counted(Label("method", "", values=frozenset({"GET"})))
    for value in ("GET", "get", "", "1274050101909001", *(f"X{number}" for number in range(1000))):
        family.labels(value).inc()
    assert shown(registry) == [{"method": "GET"}, {"method": OTHER}]
    assert family.labels("whatever")._value.get() == 1003


def test_of_open_values_no_more_are_kept_than_the_label_allows() -> None:
    family, registry = counted(Label("topic", "", most=3))
    for number in range(1000):
        family.labels(f"t{number}").inc()
    assert [labels["topic"] for labels in shown(registry)] == ["t0", "t1", "t2", OTHER]
    assert family.labels("t1")._value.get() == 1
    assert len(list(family.children())) == 4, "what was refused is not remembered either"


def test_a_series_that_is_removed_is_shown_no_longer_and_starts_anew() -> None:
    family, registry = counted(Label("topic", "", most=1))
    family.labels("t").inc()
    family.remove("t")
    family.remove("never there")
    assert shown(registry) == []
    assert family.labels("t")._value.get() == 0


def test_a_wrong_number_of_values_is_a_mistake_of_ours() -> None:
    family, _ = counted(Label("topic", "", most=1))
    with pytest.raises(ValueError, match="zip"):
        family.labels("a", "b")


def test_what_comes_from_outside_has_a_closed_list() -> None:
    # A caller chooses the method, a foreign message its event type, a server its status.
    closed = {"method", "status", "event_type"}
    assert all(label.values for metric in CATALOGUE.values() for label in metric.labels if label.name in closed)


def test_a_request_with_an_invented_method_and_a_message_of_an_unknown_type_are_counted_as_other() -> None:
    before = metrics.HTTP_SECONDS.labels(OTHER, "(none)", "4xx")._sum.get()
    metrics.http_seconds("BREW", "(none)", 405).observe(1)
    assert metrics.HTTP_SECONDS.labels(OTHER, "(none)", "4xx")._sum.get() == before + 1
    other = metrics.CONSUMER_EVENTS.labels("slrt.test.metrics", OTHER, "ignored")
    assert metrics.CONSUMER_EVENTS.labels("slrt.test.metrics", "org.example.thing.v1", "ignored") is other


def test_the_page_shows_every_metric_of_the_catalogue_under_its_name_with_its_type_and_help() -> None:
    page = {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}
    for name, metric in CATALOGUE.items():
        family = page[name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)


def test_names_follow_the_rules_of_prometheus() -> None:
    for name, metric in CATALOGUE.items():
        assert re.fullmatch(r"slrt_[a-z_]+", name)
        assert name.endswith("_total") == (metric.kind == "counter")
        assert (metric.unit == "seconds") == name.endswith("_seconds")


def test_no_metric_is_declared_outside_the_catalogue(root: Path) -> None:
    sources = [*root.glob("kit/src/**/*.py"), *root.glob("services/*/src/**/*.py")]
    assert len(sources) > 100
    declaring = {path.name for path in sources if "prometheus_client" in path.read_text(encoding="utf-8")}
    assert declaring == {"metrics.py", "backlog.py"}
    assert "Gauge(" not in (root / "kit/src/slrt_kit/backlog.py").read_text(encoding="utf-8")


def test_a_consumers_series_stand_at_zero_before_anything_has_happened() -> None:
    metrics.begin_consumer("slrt.test.begun")
    text = metrics.render().decode()
    for series in (
        'slrt_consumer_stopped{consumer="slrt.test.begun"} 0.0',
        'slrt_consumer_events_total{consumer="slrt.test.begun",event_type="unreadable",outcome="dead-lettered"} 0.0',
        'slrt_consumer_parked_keys{consumer="slrt.test.begun"} 0.0',
    ):
        assert series in text


def check_page(root: Path, at: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "kit/metrics_page.py"), "--check", "--root", str(at)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_an_edited_or_missing_page_turns_the_check_red_with_the_remedy(root: Path, tmp_path: Path) -> None:
    assert check_page(root, root).returncode == 0
    page = tmp_path / "docs/reference/metrics.md"
    page.parent.mkdir(parents=True)
    missing = check_page(root, tmp_path)
    shutil.copy(root / "docs/reference/metrics.md", page)
    assert check_page(root, tmp_path).returncode == 0
    page.write_text(page.read_text(encoding="utf-8").replace("gauge", "counter", 1), encoding="utf-8")
    edited = check_page(root, tmp_path)
    for done in (missing, edited):
        assert done.returncode == 1
        assert "make contracts" in done.stderr
