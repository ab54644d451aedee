"""Every column of every database is declared: what it holds of people, what for, how long."""

from collections.abc import Callable

import psycopg
import pytest

from slrt_kit.privacy.inventory import SERVICES, DataClass, Hidden, read_inventory, undeclared

_COLUMNS = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"


def columns_of(url: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with psycopg.connect(url) as connection:
        for table, column, _ in connection.execute(_COLUMNS):
            found.setdefault(table, []).append(column)
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_the_declarations_and_the_database_have_the_same_columns(
    service: str, service_database: Callable[[str], str], root
) -> None:
    assert list(undeclared(read_inventory(root), service, columns_of(service_database(service)))) == []


def test_a_new_column_without_a_declaration_is_found(service_database: Callable[[str], str], root) -> None:
    url = service_database("intake")
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE contacts ADD COLUMN mother_name text")
        connection.execute("ALTER TABLE cases DROP COLUMN satisfied")
    assert list(undeclared(read_inventory(root), "intake", columns_of(url))) == [
        "intake.cases.satisfied is declared and not in the database",
        "intake.contacts.mother_name is in the database and not declared",
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_declared_sealed_is_bytes_and_what_is_specific_is_sealed_or_a_code(
    service: str, service_database: Callable[[str], str], root
) -> None:
    with psycopg.connect(service_database(service)) as connection:
        types = {(table, column): kind for table, column, kind in connection.execute(_COLUMNS)}
    for table in read_inventory(root):
        for column in table.columns if table.service == service else ():
            where = (table.name, column.name)
            if column.hidden is not None:
                assert types[where] in ("bytea", "ARRAY"), where
            if column.data_class is DataClass.SPECIFIC and where != ("participations", "programme_code"):
                assert column.hidden is Hidden.SEALED, where


def test_notification_holds_ids_and_nothing_else_of_anybody(root) -> None:
    own = [table for table in read_inventory(root) if table.service == "notification" and not table.shared]
    personal = [column for table in own for column in table.columns if column.data_class is not None]
    assert {column.holds for column in personal} == {"id of the case", "id of the message"}
