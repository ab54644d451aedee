"""The command ``slrt``: bring the local stack up and down, look at it, and get a token."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import psutil
import typer

from slrt_local import control, services, stack, status, supervisor
from slrt_local.identity_commands import StateOption, add_identity_commands
from slrt_local.parts.postgres_home import remove_outside_folder
from slrt_local.policy_commands import policy
from slrt_local.process import PartError, end, end_recorded, has_ended, tail, wait_until
from slrt_local.state import State

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The whole SLRT suite on this machine.",
)

add_identity_commands(app)
app.add_typer(policy, name="policy")

_DOWN_PATIENCE = 90.0
_INTERRUPTED = 130


def _fail(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


@app.command()
def up(
    *,
    state: StateOption = None,
    port: Annotated[int | None, typer.Option(help="Gateway port (SLRT_GATEWAY_PORT, 8080); 0 chooses one")] = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay in front until Ctrl-C")] = False,
    parts_only: Annotated[bool, typer.Option("--parts-only", help="Only PostgreSQL and Kafka")] = False,
    without_services: Annotated[bool, typer.Option("--without-services", hidden=True)] = False,
    tls: Annotated[bool, typer.Option("--tls", help="HTTPS at the gateway, with a certificate of this state")] = False,
) -> None:
    """Start everything and wait until it is healthy."""
    where = State.find(state).create()
    try:
        wish = stack.Wish(stack.gateway_port(port), tls=tls, parts_only=parts_only, without_services=without_services)
    except PartError as error:
        raise _fail(str(error)) from error
    if foreground:
        raise typer.Exit(supervisor.supervise(where, wish, echo=True))
    process = None if where.is_locked() else _spawn_supervisor(where, wish)
    try:
        phase = _follow(where, process)
    except KeyboardInterrupt:
        typer.echo("\ninterrupted: stopping what was started", err=True)
        _stop(where)
        raise typer.Exit(_INTERRUPTED) from None
    if phase != "ready":
        raise typer.Exit(1)
    for name, address in status.addresses(status.read(where)["units"]).items():
        typer.echo(f"  {name}: {address}")


def _spawn_supervisor(where: State, wish: stack.Wish) -> subprocess.Popen[bytes]:
    for stale in ("status.json", "progress.log"):
        (where.run / stale).unlink(missing_ok=True)
    command = [sys.executable, "-m", "slrt_local.supervisor", "--state", str(where.root)]
    command += ["--port", str(wish.gateway_port)]
    command += ["--parts-only"] if wish.parts_only else []
    command += ["--without-services"] if wish.without_services else []
    command += ["--tls"] if wish.tls else []
    with where.log("supervisor").open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )


def _follow(where: State, process: subprocess.Popen[bytes] | None) -> str:
    """Show progress lines until the stack is ready or has failed; returns the phase."""
    shown = 0
    while True:
        ended = process is not None and process.poll() is not None
        phase = status.read(where)["phase"]
        shown = _show(where, shown)
        if phase == "ready":
            return "ready"
        if phase == "failed":
            wait_until(lambda: not where.is_locked(), seconds=_DOWN_PATIENCE)
            return "failed"
        if ended or (process is None and not where.is_locked()):
            log = where.log("supervisor")
            typer.echo(f"The launcher ended. Its log is {log}, the end of it:\n{tail(log)}", err=True)
            return "failed"
        time.sleep(0.1)


def _show(where: State, shown: int) -> int:
    try:
        text = (where.run / "progress.log").read_text(encoding="utf-8")
    except FileNotFoundError:
        return shown
    complete = text[: text.rfind("\n") + 1]
    if complete[shown:]:
        typer.echo(complete[shown:], nl=False)
    return len(complete)


@app.command()
def down(
    *,
    state: StateOption = None,
    purge: Annotated[bool, typer.Option("--purge", help="Delete the state too: databases, topics, logs")] = False,
) -> None:
    """Stop everything; the state stays."""
    where = State.find(state)
    if not where.root.exists():
        typer.echo("nothing to stop")
        return
    _stop(where)
    if purge:
        remove_outside_folder(where)
        shutil.rmtree(where.root)
    typer.echo("stopped and deleted" if purge else "stopped")


def _stop(where: State) -> None:
    pid = where.holder()
    if pid is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            launcher = psutil.Process(pid)
            launcher.terminate()
            # It gives up its lock a moment before it has ended.
            if not wait_until(lambda: not where.is_locked() and has_ended(launcher), seconds=_DOWN_PATIENCE):
                typer.echo("the launcher does not end: killing it", err=True)
                end([launcher], graceful=False)
    with where.lock():
        end_recorded(where, progress=typer.echo)


@app.command()
def demo(
    *,
    state: StateOption = None,
    port: Annotated[int | None, typer.Option(help="Gateway port (SLRT_GATEWAY_PORT, 8080); 0 chooses one")] = None,
) -> None:
    """Start everything and play the main job through the gateway; the stack stays up."""
    from slrt_local.demo.run import play  # noqa: PLC0415 — half a second that the other commands need not pay

    up(state=state, port=port)
    raise typer.Exit(0 if play(State.find(state), typer.echo) else 1)


@app.command("status")
def show_status(
    *, state: StateOption = None, as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False
) -> None:
    """Show every process, its address, health, memory and log; exit code 1 unless all is well."""
    found = status.report(State.find(state))
    typer.echo(json.dumps(found, indent=1) if as_json else status.table(found))
    healthy = found["phase"] == "ready" and all(part["health"] == "ok" for part in found["parts"])
    raise typer.Exit(0 if healthy else 1)


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="One process; all without it")] = None,
    *,
    state: StateOption = None,
    lines: Annotated[int, typer.Option("-n", help="Lines from the end")] = 20,
) -> None:
    """Show the end of the logs."""
    where = State.find(state)
    known = sorted(log.stem for log in where.logs.glob("*.log"))
    if name is not None and name not in known:
        raise _fail(f"No log of {name!r} in {where.logs}; there are: {', '.join(known) or 'none'}")
    for each in [name] if name else known:
        typer.echo(f"== {where.log(each)}\n{tail(where.log(each), lines)}")


@app.command()
def stop(name: str, *, state: StateOption = None) -> None:
    """Stop one process; it stays stopped until it is started again."""
    _ask(state, "stop", name)


@app.command()
def start(name: str, *, state: StateOption = None) -> None:
    """Start one stopped process and wait until it is ready."""
    _ask(state, "start", name)


@app.command()
def restart(name: str, *, state: StateOption = None) -> None:
    """Stop and start one process."""
    _ask(state, "restart", name)


def _ask(state: Path | None, verb: str, name: str) -> None:
    try:
        typer.echo(control.ask(State.find(state), verb, name))
    except PartError as error:
        raise _fail(str(error)) from error


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def operate(context: typer.Context, service: str, *, state: StateOption = None) -> None:
    """Run a command of a service with the settings of this stack: slrt operate intake outbox status."""
    where = State.find(state)
    if service not in services.SERVICES:
        raise _fail(f"There is no service {service!r}; there are: {', '.join(services.SERVICES)}")
    environment = services.operator_environment(where, _surroundings(where), service)
    _hand_over([str(Path(sys.executable).with_name(f"slrt-{service}")), *context.args], environment)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def topics(context: typer.Context, *, state: StateOption = None) -> None:
    """Compare the broker of this stack with the topic registry, or bring it there: slrt topics plan|apply."""
    where = State.find(state)
    _hand_over(services.topics_command(*context.args), services.topics_environment(_surroundings(where)))


def _surroundings(where: State) -> services.Surroundings:
    known = where.read("identity", None)
    if known is None:
        raise _fail(f"No stack was ever up on {where.root}: slrt up")
    return stack.surroundings(where, issuer=known["issuer"])


def _hand_over(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    raise typer.Exit(subprocess.run(command, env={**os.environ, **environment}, check=False).returncode)


def main() -> None:
    """Entry point of the command."""
    app()


if __name__ == "__main__":
    main()
