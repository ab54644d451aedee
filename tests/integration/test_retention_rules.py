"""Every table of every service falls under a rule about its end, and the sweep finds what is over by an index."""

from collections.abc import Callable, Iterable, Sequence

import psycopg
import pytest

from slrt_kit.privacy.inventory import SERVICES, Table, read_inventory
from slrt_kit.privacy.retention import Ends, retention_classes
from slrt_kit.privacy.sweep import SweepRule, sweep_rules
from slrt_kit.relay import RelaySettings

_INDEXED = """
    SELECT t.relname, a.attname FROM pg_index i
    JOIN pg_class t ON t.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
    """


def without_end(tables: Iterable[Table], rules: Sequence[SweepRule]) -> list[str]:
    """What of the tables is to be deleted and is not, or the other way."""
    classes = retention_classes()
    swept = {rule.table: rule.kept.name for rule in rules}
    declared = {table.name: table.retention for table in tables}
    ending = {name: kept for name, kept in declared.items() if classes[kept].ends is Ends.DELETE}
    ours = {name: kept for name, kept in ending.items() if classes[kept].by is None}
    return [f"{name} is {ours.get(name)}, and swept as {swept.get(name)}" for name in sorted(ours.keys() | swept.keys())
            if ours.get(name) != swept.get(name)]  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_what_ends_by_deletion_is_swept_and_nothing_else_is(service: str, root) -> None:
    tables = [table for table in read_inventory(root) if table.service == service]
    assert without_end(tables, sweep_rules(f"slrt_{service}")) == []


def test_a_table_that_is_to_be_deleted_and_has_no_rule_is_found(root) -> None:
    tables = [table for table in read_inventory(root) if table.service == "intake"]
    letters = Table("intake", "letters", "try", "draft", "–", (), shared=False)
    rules = sweep_rules("slrt_intake")
    assert without_end([*tables, letters], rules) == ["letters is draft, and swept as None"]
    assert without_end(tables, rules[:-1]) == ["looks is look, and swept as None"]
    assert without_end([table for table in tables if table.name != "drafts"], rules) == [
        "drafts is None, and swept as draft"
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_the_sweep_of_a_table_has_an_index_that_begins_with_what_its_period_counts_from(
    service: str, service_database: Callable[[str], str]
) -> None:
    with psycopg.connect(service_database(service)) as connection:
        indexed = set(connection.execute(_INDEXED))
    assert [rule.table for rule in sweep_rules(f"slrt_{service}") if (rule.table, rule.since) not in indexed] == []


def test_the_relay_keeps_its_archive_as_long_as_is_declared() -> None:
    assert RelaySettings().archive_days == retention_classes()["told-event"].days
