"""The operator's side of subjects' keys: which key-encryption keys they are under, and carrying them over."""

import typer

from slrt_kit.operate.console import Json, Operator, RefusedError, show_list
from slrt_kit.privacy.keys import KeyMissingError, KeyRing, KeysOf
from slrt_kit.runtime import Runtime


def key_commands(cli: typer.Typer, operator: Operator) -> None:
    """Add ``list`` and ``carry-over``."""

    @cli.command("list")
    def list_keys(*, as_json: Json = False) -> None:
        """How many keys there are under each key-encryption key, and whether that one is set here."""

        async def work(runtime: Runtime) -> list[KeysOf]:
            return list(await _ring_of(runtime).counts())

        found = [each._asdict() for each in operator.run(work)]
        show_list(found, "no key was allocated yet", as_json=as_json)

    @cli.command("carry-over")
    def carry_over() -> None:
        """Keep every key under today's key-encryption key, so that the older ones can go. May be repeated."""

        async def work(runtime: Runtime) -> int:
            try:
                return await _ring_of(runtime).carry_over()
            except KeyMissingError as error:
                raise RefusedError(
                    "there are keys under a key-encryption key that is not set: see `keys list`"
                ) from error

        typer.echo(f"{operator.run(work)} keys were carried over")


def _ring_of(runtime: Runtime) -> KeyRing:
    try:
        return runtime.vault.keys
    except TypeError as error:
        raise RefusedError(str(error)) from error
