"""Write `docs/reference/metrics.md` from the catalogue of metrics, or with `--check` say whether it has drifted.

Run by `make contracts` and, with `--check`, by `make lint`. Exit codes: 0 all well, 1 drift.
"""

from pathlib import Path

from reference_page import run

from slrt_kit.metrics import CATALOGUE, OTHER, Label, Metric

PAGE = Path("docs") / "reference" / "metrics.md"
_LONGEST_LIST = 10


def page() -> str:
    """The page about metrics."""
    lines = [
        "<!-- Written by `make contracts` from kit/src/slrt_kit/metrics.py; do not edit. -->",
        "# Metrics",
        "",
        "Every process answers `/metrics` in the Prometheus text format: an API on its own port, every other role on "
        "`SLRT_<SERVICE>_METRICS_PORT`. The role `all` shows what API, worker and relay show. What the database is "
        "asked for (outbox, parked events) every process of a service shows alike: take the `max`, not the `sum`. "
        "Beside these stand the `python_` and `process_` metrics of the Prometheus client.",
        "",
        "| Metric | Type | Unit | Labels | Shown by | Meaning |",
        "|---|---|---|---|---|---|",
        *map(_row, CATALOGUE.values()),
        "",
        "## Labels",
        "",
        f"A value that a label does not take counts as `{OTHER}`. Values that may come from outside have a closed "
        "list; those that code and settings name have an upper number per process.",
        "",
        "| Label | Meaning | Values |",
        "|---|---|---|",
        *map(_label_row, _labels()),
    ]
    return "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label.name}`" for label in metric.labels) or "–"
    roles = ", ".join(metric.roles)
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {roles} | {metric.help} |"


def _labels() -> list[Label]:
    found = {(label.name, label.meaning): label for metric in CATALOGUE.values() for label in metric.labels}
    return [found[key] for key in sorted(found)]


def _label_row(label: Label) -> str:
    listed = ", ".join(f"`{value}`" for value in sorted(label.values))
    if len(label.values) > _LONGEST_LIST:
        listed = f"{len(label.values)} values"
    return f"| `{label.name}` | {label.meaning} | {listed or f'at most {label.most}'} |"


if __name__ == "__main__":
    raise SystemExit(run("metrics", PAGE, lambda _: page(), source="kit/src/slrt_kit/metrics.py"))
