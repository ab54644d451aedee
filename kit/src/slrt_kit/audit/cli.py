"""``slrt-audit``: check an export of an audit log offline, with the public key alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from slrt_kit.audit.proof import ProofError, check_proof, prove
from slrt_kit.audit.statements import Keys
from slrt_kit.audit.verify import MOST_PROBLEMS, Report, verify

main = typer.Typer(name="slrt-audit", no_args_is_help=True, add_completion=False)

_READABLE = {"exists": True, "dir_okay": False, "readable": True}
Export = Annotated[Path, typer.Argument(help="a file of `slrt-<service> audit export`", **_READABLE)]
PublicKeys = Annotated[
    list[Path], typer.Option("--key", help="public key (PEM); again for keys that were replaced", **_READABLE)
]
Roots = Annotated[
    Path | None,
    typer.Option("--roots", help="payloads of the topic slrt.<service>.audit.v1, a line each", **_READABLE),
]


@main.command("verify")
def verify_export(export: Export, *, key: PublicKeys, roots: Roots = None) -> None:
    """Say whether an export is what was sealed, and if not, where. Ends with 1 when anything was found."""
    keys = _keys(key)
    published = [] if roots is None else [_json(line, roots) for line in roots.read_bytes().splitlines() if line]
    with export.open("rb") as lines:
        report = verify(lines, keys, published)
    for problem in report.problems:
        typer.echo(f"ALTERED {problem}")
    if report.untold:
        typer.echo(f"ALTERED and {report.untold} more after the first {MOST_PROBLEMS}")
    for sentence in _summary(report, has_roots=bool(published)):
        typer.echo(sentence)
    if not report.is_sound:
        raise typer.Exit(1)


def _summary(report: Report, *, has_roots: bool) -> Iterator[str]:
    yield f"service {report.service}, chain {report.chain_id}"
    yield f"entries {report.entries}, positions {report.first} to {report.last}, closed days {len(report.days)}"
    if report.days:
        yield f"days {report.days[0][0].day} to {report.days[-1][0].day}"
    yield from (f"LOST {closing.shown}" for closing, _ in report.closings)
    yield f"known up to {report.knows_up_to or 'nowhere: the statement that an export ends with is missing'}"
    if not has_roots:
        yield "not known: whether the service went on from there; the published roots tell (--roots)"
    yield "not known: entries that were not sealed yet, about the last second before the export"
    yield "SOUND" if report.is_sound else f"NOT SOUND: {len(report.problems) + report.untold} problems"


@main.command("prove")
def prove_entry(export: Export, position: int, *, out: Annotated[Path, typer.Option(help="the proof, JSON")]) -> None:
    """Write the proof that one entry of a closed day is in the log; it shows that entry and no other."""
    try:
        with export.open("rb") as lines:
            proof = prove(lines, position)
    except (ProofError, ValueError) as error:
        raise _refused(str(error)) from error
    out.write_bytes(orjson.dumps(proof, option=orjson.OPT_INDENT_2) + b"\n")
    typer.echo(f"entry {position} is {proof['index'] + 1} of {proof['size']} of its day; {len(proof['path'])} hashes")


@main.command("verify-proof")
def verify_proof(proof: Annotated[Path, typer.Argument(**_READABLE)], *, key: PublicKeys) -> None:
    """Say whether a proof holds. Ends with 1 when not."""
    given = _json(proof.read_bytes(), proof)
    try:
        day = check_proof(given, _keys(key))
    except ProofError as error:
        raise _refused(f"NOT PROVED: {error}") from error
    typer.echo(f"PROVED: position {given['position']} of {day.service}, sealed on {day.day}")
    typer.echo(given["entry"])


def _keys(paths: list[Path]) -> Keys:
    try:
        return Keys.read(*paths)
    except (ValueError, OSError) as error:
        raise _refused(f"no public key: {error}") from error


def _json(text: bytes, path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refused(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise _refused(f"{path}: not a JSON object")
    return found


def _refused(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)
