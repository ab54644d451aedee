"""``slrt policy``: check a draft without a network, and change the policy of a running suite through its gateway."""

import json
import os
import ssl
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import typer

from slrt_kit.clock import WIB
from slrt_kit.policy.changes import left_out
from slrt_kit.policy.findings import Finding, Place, PolicyError
from slrt_kit.policy.kinds import KINDS
from slrt_kit.policy.layers import is_layer_code
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules, read_folder
from slrt_kit.problems import Text
from slrt_local import status
from slrt_local.identity import directory
from slrt_local.identity_commands import StateOption
from slrt_local.policy_difference import difference
from slrt_local.signing import Signer
from slrt_local.state import State

policy = typer.Typer(no_args_is_help=True, help="The policy of a service: check, compare, propose, approve, activate.")

_SERVICES = tuple(sorted({service for kind in KINDS for service in kind.services}))
_TOKEN_S = 600
_PATIENCE_S = 300
"""A comparison with the past of a nation takes that long."""


class Language(StrEnum):
    """The languages of findings."""

    INDONESIAN = "id"
    ENGLISH = "en"


Service = Annotated[str, typer.Option("--service", help=f"Whose policy: {' or '.join(_SERVICES)}")]
Folder = Annotated[Path, typer.Argument(help="Folder with <layer>/<kind>.yaml", exists=True, file_okay=False)]
InLanguage = Annotated[Language, typer.Option("--language", help="In which language findings are told")]
Layer = Annotated[str, typer.Argument(help="00, or a region code such as 12.74")]
Number = Annotated[int, typer.Argument(help="Number of the version")]
Why = Annotated[str, typer.Option("--why", help="The decree or decision, for whoever reads it in a year")]
At = Annotated[
    str | None,
    typer.Option("--at", help="2027-01-01 (00.00 WIB) or 2027-01-01T08:00+07:00; as soon as can be without it"),
]
AsUser = Annotated[
    str | None, typer.Option("--as", help="A seeded user of the local stack; the token in SLRT_TOKEN without it")
]
Url = Annotated[str | None, typer.Option("--gateway", help="Address (SLRT_GATEWAY; that of the local stack)")]


def _end(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def _known(service: str) -> str:
    if service not in _SERVICES:
        _end(f"{service!r} has no policy; there are: {', '.join(_SERVICES)}")
    return service


def _wrong(findings: Sequence[Finding], language: str = "en") -> NoReturn:
    for finding in findings:
        typer.echo(finding.line(language))
    raise typer.Exit(1)


def _read(folder: Path, language: str = "en") -> dict[str, dict[str, str]]:
    try:
        layers = read_folder(folder)
    except PolicyError as error:
        _wrong(error.findings, language)
    if not layers:
        _end(f"{folder} has no layer: make a folder such as 12.74 in it, with offices.yaml")
    return layers


@policy.command()
def validate(folder: Folder, *, service: Service, language: InLanguage = Language.ENGLISH) -> None:
    """Check drafts as they would hold over the policy that comes with the service; needs no running suite."""
    rules = PolicyRules.of(_known(service))
    drafts = _read(folder, language)
    packaged = packaged_documents(f"slrt_{service}", rules)
    # What a draft leaves out stays as it is: that it is missing is one thing to say, and not all that follows from it.
    drawn = {layer: packaged.get(layer, {}) | each for layer, each in drafts.items()}
    findings = rules.findings(rules.layers({code: (1, each) for code, each in (packaged | drawn).items()}))
    for layer, each in drafts.items():
        for missing in left_out(layer, each, packaged.get(layer, {})):
            typer.echo(f"note: {missing.line(language)}", err=True)
    if findings:
        _wrong(findings, language)
    typer.echo(f"{service}: {', '.join(sorted(drafts))}: nothing wrong")


class _Suite:
    """A running suite, as somebody."""

    def __init__(self, service: str, state: Path | None, url: str | None, as_user: str | None) -> None:
        local = State.find(state)
        found = status.addresses(status.read(local)["units"])
        address = url or os.environ.get("SLRT_GATEWAY") or found.get("gateway")
        if address is None:
            _end("No gateway: start the local stack with slrt up, or say --gateway")
        authority = found.get("authority") if address == found.get("gateway") else None
        trusted = ssl.create_default_context(cafile=authority) if authority else True
        headers = {"Authorization": f"Bearer {_token(local, as_user)}", "Accept-Language": "en"}
        base = f"{address.rstrip('/')}/{_known(service)}/v1/policy"
        self._http = httpx.Client(base_url=base, headers=headers, timeout=_PATIENCE_S, verify=trusted)

    def get(self, path: str, **query: Any) -> Any:
        return self._checked("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._checked("POST", path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})

    def _checked(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            _end(f"{self._http.base_url}: {error or type(error).__name__}")
        if answer.is_success:
            return answer.json()
        if not answer.headers.get("Content-Type", "").startswith("application/problem+json"):
            _end(f"answered {answer.status_code}")
        problem = answer.json()
        for finding in problem.get("findings", ()):
            typer.echo(_finding(finding).line())
        for wrong in problem.get("errors", ()):
            typer.echo(f"{wrong['pointer']}: {wrong['detail']}", err=True)
        _end(problem["title"] + (f" (from {problem['earliest']} on)" if "earliest" in problem else ""))


def _finding(told: Mapping[str, Any]) -> Finding:
    what, remedy = Text(told["what"], told["what_en"]), Text(told["remedy"], told["remedy_en"])
    return Finding(Place(told["file"], told["line"]), told["code"], what, remedy)


def _token(state: State, as_user: str | None) -> str:
    if as_user is None:
        return os.environ.get("SLRT_TOKEN") or _end("Say who you are: --as USER on the local stack, or SLRT_TOKEN")
    account = directory().users.get(as_user)
    known = state.read("identity", None)
    if account is None or known is None:
        _end(f"{as_user!r} is no seeded user of a local stack; they are: {', '.join(directory().users)}")
    return Signer.of(state, known["issuer"]).mint(account, now=datetime.now(UTC), ttl=_TOKEN_S)


def _only(layers: Mapping[str, Any], layer: str | None) -> str:
    if layer is None and len(layers) == 1:
        return next(iter(layers))
    if layer not in layers:
        _end(f"Say --layer, one of: {', '.join(layers)}")
    return str(layer)


@policy.command("list")
def list_layers(*, service: Service, as_user: AsUser = None, gateway: Url = None, state: StateOption = None) -> None:
    """Show the layers, what is in force, and what is planned."""
    for each in _Suite(service, state, gateway, as_user).get("/layers"):
        active = each["active"]
        since = "nothing in force" if active is None else f"{active['number']} since {active['effective_from']}"
        planned = "".join(f"; {then['number']} from {then['effective_from']}" for then in each["planned"])
        typer.echo(f"{each['layer']}: {since}{planned}")


@policy.command()
def show(
    layer: Layer,
    number: Annotated[int | None, typer.Argument(help="Number of the version; the one in force without it")] = None,
    *,
    service: Service,
    to: Annotated[Path | None, typer.Option("--to", help="Write its documents into this folder, as a draft")] = None,
    as_user: AsUser = None,
    gateway: Url = None,
    state: StateOption = None,
) -> None:
    """Show a version: who proposed and approved it, and why; or write its documents to begin a draft with."""
    suite = _Suite(service, state, gateway, as_user)
    if number is None:
        active = next((each["active"] for each in suite.get("/layers") if each["layer"] == layer), None)
        if active is None:
            _end(f"{layer} has nothing in force: begin with an empty folder")
        number = active["number"]
    version = suite.get(f"/layers/{layer}/versions/{number}")
    decided = f"{version['verdict']} by {version['decided_by']}" if version["verdict"] else "not decided"
    typer.echo(f"{layer} version {number}: proposed by {version['proposed_by']} ({version['why']}), {decided}")
    for name, text in sorted(version["documents"].items()):
        if to is None:
            typer.echo(f"--- {layer}/{name}.yaml\n{text}", nl=False)
        else:
            (to / layer).mkdir(parents=True, exist_ok=True)
            (to / layer / f"{name}.yaml").write_text(text, encoding="utf-8")
            typer.echo(f"wrote {to / layer / name}.yaml")


@policy.command()
def diff(
    folder: Folder, *, service: Service, as_user: AsUser = None, gateway: Url = None, state: StateOption = None
) -> None:
    """Show what drafts change in the policy that is in force, entry by entry and field by field."""
    suite = _Suite(service, state, gateway, as_user)
    for layer, documents in _read(folder).items():
        for change in suite.post("/changes/search", {"layer": layer, "documents": documents}):
            sign = {"added": "+", "removed": "-"}.get(change["how"], "~")
            name = change["key"] if change["field"] is None else f"{change['key']}.{change['field']}"
            both = f"{change['before']!r} -> {change['after']!r}"
            what = both if sign == "~" else repr(change["after"] if sign == "+" else change["before"])
            typer.echo(f"{sign} {change['place_after'] or change['place_before']} {change['kind']} {name}: {what}")


@policy.command("what-if")
def what_if(
    target: Annotated[str, typer.Argument(help="Folder with <layer>/<kind>.yaml, or a version such as 12.74:2")],
    *,
    service: Service,
    days: Annotated[int, typer.Option("--days", help="How far back to look")] = 90,
    region: Annotated[str | None, typer.Option("--region", help="Only what is in it, such as 12.74")] = None,
    day: Annotated[
        str | None, typer.Option("--day", help="Offices and versions as they are on that day, such as 2027-01-01")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with everything")] = False,
    as_user: AsUser = None,
    gateway: Url = None,
    state: StateOption = None,
) -> None:
    """Show what drafts would have changed in what really happened: routes, deadlines, lateness, loads of offices."""
    suite = _Suite(service, state, gateway, as_user)
    layer, _, number = target.partition(":")
    if is_layer_code(layer) and number.isdecimal():
        drafts: dict[str, Any] = {"versions": {layer: int(number)}}
    elif Path(target).is_dir():
        drafts = {"layers": _read(Path(target))}
    else:
        _end(f"{target!r} is no folder, and no version such as 12.74:2")
    found = suite.post("/what-if/search", drafts | {"days": days, "region": region, "day": day})
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else "\n".join(difference(found)))


@policy.command()
def propose(
    folder: Folder,
    *,
    service: Service,
    why: Why,
    layer: Annotated[str | None, typer.Option("--layer", help="Which, where the folder has several")] = None,
    as_user: AsUser = None,
    gateway: Url = None,
    state: StateOption = None,
) -> None:
    """Hand in a draft; somebody else approves it."""
    layers = _read(folder)
    chosen = _only(layers, layer)
    suite = _Suite(service, state, gateway, as_user)
    version = suite.post(f"/layers/{chosen}/versions", {"documents": layers[chosen], "why": why})
    typer.echo(f"proposed: {chosen} version {version['number']}, by {version['proposed_by']}")


def _add_decision(verb: str, done: str, says: str) -> None:
    """A command about a version that was handed in."""

    @policy.command(verb, help=says)
    def decide(
        layer: Layer,
        number: Number,
        *,
        service: Service,
        why: Why,
        as_user: AsUser = None,
        gateway: Url = None,
        state: StateOption = None,
    ) -> None:
        suite = _Suite(service, state, gateway, as_user)
        version = suite.post(f"/layers/{layer}/versions/{number}/{verb}", {"why": why})
        typer.echo(f"{done}: {layer} version {number}, by {version['decided_by']}")


def _add_switch(verb: str, done: str, says: str) -> None:
    """A command that puts a version into force."""

    @policy.command(verb, help=says)
    def switch(
        layer: Layer,
        number: Number,
        *,
        service: Service,
        why: Why,
        at: At = None,
        as_user: AsUser = None,
        gateway: Url = None,
        state: StateOption = None,
    ) -> None:
        body = {"why": why, "effective_from": _instant(at)}
        found = _Suite(service, state, gateway, as_user).post(f"/layers/{layer}/versions/{number}/{verb}", body)
        typer.echo(f"{done}: {layer} version {number}, from {found['effective_from']}")


_add_decision("approve", "approved", "Approve a draft of somebody else; it is not in force by that.")
_add_decision("reject", "rejected", "Reject a draft of somebody else.")
_add_switch("activate", "in force", "Put an approved version into force from an instant on.")
_add_switch("rollback", "back in force", "Go back to a version that was in force before; one person may.")


def _instant(text: str | None) -> str | None:
    """An instant with its offset; a day alone begins at 00.00 WIB, by which decrees take effect."""
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        _end(f"{text!r} is no day or instant: {error}")
    if len(text) == len("2027-01-01"):
        given = datetime.combine(given.date(), time(), WIB)
    if given.tzinfo is None:
        _end(f"{text!r} has no offset: write {text}+07:00")
    return given.isoformat()
