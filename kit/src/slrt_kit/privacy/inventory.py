"""The data inventory: what each column of each table holds of people; read from the declarations of the services."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from slrt_kit.privacy.retention import retention_classes

SERVICES = ("intake", "referral", "registry", "notification")


class DataClass(StrEnum):
    """Of personal data, by UU 27/2022 (PDP), article 4."""

    GENERAL = "umum"
    SPECIFIC = "spesifik"


class Hidden(StrEnum):
    """How a column is kept from whoever has a copy of the database."""

    SEALED = "sealed"
    KEYED = "keyed"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. ``data_class`` is None for one without personal data."""

    name: str
    data_class: DataClass | None = None
    holds: str = ""
    hidden: Hidden | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a service; ``shared`` are those that every service has."""

    service: str
    name: str
    purpose: str
    retention: str
    goes: str
    columns: Sequence[Column]
    shared: bool


class InventoryError(ValueError):
    """A declaration is not complete."""


def read_inventory(root: Path) -> list[Table]:
    """The tables of all services, as the checkout at ``root`` declares them.

    Raises:
        InventoryError: naming the table, and what is wrong with it.
    """
    shared = _declared(root / "kit" / "data.yaml")
    return [
        _table(service, name, entry, shared=name not in own)
        for service in SERVICES
        for own in (_declared(root / "services" / service / "data.yaml"),)
        for name, entry in (own | shared).items()
    ]


def undeclared(tables: Sequence[Table], service: str, found: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What differs between a service's database and the declarations: each column, and which side lacks it."""
    declared = {table.name: {column.name for column in table.columns} for table in tables if table.service == service}
    for name in sorted(declared.keys() | found.keys()):
        there, said = set(found.get(name, ())), declared.get(name, set())
        yield from (f"{service}.{name}.{column} is in the database and not declared" for column in sorted(there - said))
        yield from (f"{service}.{name}.{column} is declared and not in the database" for column in sorted(said - there))


def _declared(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def _table(service: str, name: str, entry: Mapping[str, Any], *, shared: bool) -> Table:
    if unknown := entry.keys() - {"purpose", "retention", "goes", "none", "columns"}:
        raise InventoryError(f"{service}.{name}: {', '.join(sorted(unknown))} is no part of a declaration")
    if not entry.get("purpose") or entry.get("retention") not in retention_classes():
        raise InventoryError(f"{service}.{name} says no purpose, or no retention class that there is")
    columns = [_column(f"{service}.{name}", column, said) for column, said in entry.get("columns", {}).items()]
    columns += [Column(column) for column in entry.get("none", ())]
    names = [column.name for column in columns]
    if len(names) != len(set(names)):
        raise InventoryError(f"{service}.{name} declares a column twice")
    return Table(service, name, entry["purpose"], entry["retention"], entry.get("goes", "–"), columns, shared)


def _column(table: str, name: str, said: Mapping[str, str]) -> Column:
    try:
        hidden = Hidden(said["hidden"]) if "hidden" in said else None
        return Column(name, DataClass(said["class"]), said["holds"], hidden)
    except (KeyError, ValueError, TypeError) as error:
        raise InventoryError(f"{table}.{name} says no class, or not what it holds") from error
