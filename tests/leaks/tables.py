"""Everything that a database keeps, table by table, as a backup would have it."""

import psycopg
from psycopg import sql


def everything_in(url: str) -> dict[str, str]:
    """The rows of each table, its partitions too, by the table's name: as ``COPY`` writes them, one line a row."""
    found: dict[str, str] = {}
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            everything = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(schema, table))
            with connection.cursor() as cursor, cursor.copy(everything) as copying:
                found[table] = b"".join(bytes(part) for part in copying).decode()
    return found
