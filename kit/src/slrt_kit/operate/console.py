"""What every operator's command is made of: it runs with the service's settings, and answers in a table or in JSON."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import orjson
import typer
from aiokafka.errors import KafkaError

from slrt_kit.db import DATABASE_DOWN
from slrt_kit.logs import configure_logging
from slrt_kit.runtime import Runtime

Result = TypeVar("Result")

Json = Annotated[bool, typer.Option("--json", help="for programs")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be done, and do nothing")]


class RefusedError(Exception):
    """What was asked for cannot be done, and nothing was; the text says why."""


class Operator:
    """Runs what a command does, with the service's own settings, and turns its faults into words."""

    def __init__(self, service: str, runtime: Callable[[], Runtime]) -> None:
        self.service = service
        self._runtime = runtime

    def run(self, work: Callable[[Runtime], Coroutine[Any, Any, Result]]) -> Result:
        """The result; ends the command with 1 and a message when a part is away or the request cannot be met."""

        async def whole() -> Result:
            runtime = self._runtime()
            configure_logging(service=runtime.name, role="operate", level="WARNING")
            try:
                return await work(runtime)
            finally:
                await runtime.close()

        try:
            return asyncio.run(whole())
        except DATABASE_DOWN as error:
            raise refused(f"the database does not answer ({type(error).__name__})") from error
        except KafkaError as error:
            raise refused(f"the broker does not answer ({type(error).__name__})") from error
        except RefusedError as error:
            raise refused(str(error)) from error


def refused(message: str) -> typer.Exit:
    """To be raised: the command ends with 1."""
    typer.echo(message, err=True)
    return typer.Exit(1)


def fields_of(found: Any) -> dict[str, Any]:
    """A dataclass, or what is a mapping already, by name."""
    if is_dataclass(found) and not isinstance(found, type):
        return asdict(found)
    fields: dict[str, Any] = found
    return fields


def json_of(found: Any) -> str:
    """For programs."""
    return orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str).decode()


def show_list(found: Sequence[Any], nothing: str, *, as_json: bool) -> None:
    """A table with a line for each; ``nothing`` where there is none."""
    if as_json:
        typer.echo(json_of(list(found)))
        return
    if not found:
        typer.echo(nothing)
        return
    lines = [fields_of(each) for each in found]
    table = [list(lines[0]), *([_cell(value) for value in line.values()] for line in lines)]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_one(found: Any, *, as_json: bool) -> None:
    """One thing, a line for each of its fields."""
    if as_json:
        typer.echo(json_of(found))
        return
    fields = fields_of(found)
    width = max(len(name) for name in fields) + 1
    for name, value in fields.items():
        typer.echo(f"{name:<{width}}{_cell(value)}")


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case float():
            return f"{value:.1f}"
        case _:
            return str(value)
