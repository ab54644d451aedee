"""Commands of ``slrt`` for the local issuer: a token, taking access back, another signing key."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from slrt_local.identity import IdentityError, account_for, directory
from slrt_local.revoked import Revoked
from slrt_local.signing import ACCESS_TOKEN, ALGORITHMS, DEFAULT_TTL, OVERLAP_S, Signer
from slrt_local.state import State

StateOption = Annotated[Path | None, typer.Option("--state", help="State folder (SLRT_STATE; .slrt in the checkout)")]


def add_identity_commands(app: typer.Typer) -> None:
    """Add them to ``slrt``."""
    app.command()(token)
    app.command()(revoke)
    app.command("rotate-key")(rotate_key)


def _fail(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


def _signer(where: State) -> Signer:
    known = where.read("identity", None)
    if known is None:
        raise _fail(f"No stack was ever up on {where.root}: slrt up")
    return Signer.of(where, known["issuer"])


def token(
    *,
    state: StateOption = None,
    role: Annotated[str, typer.Option(help="facilitator, front_office, opd_officer, service, …")],
    region: Annotated[str | None, typer.Option(help="12.74 or 12.74.03")] = None,
    office: Annotated[str | None, typer.Option(help="12.74.DUKCAPIL")] = None,
    sub: Annotated[str | None, typer.Option(help="Subject; the seeded user who fits without it")] = None,
    ttl: Annotated[int, typer.Option(help="Seconds, up to a day; negative: already over")] = DEFAULT_TTL,
) -> None:
    """Print a token of the local issuer."""
    signer = _signer(State.find(state))
    try:
        account = account_for(role, region=region, office=office, subject=sub)
    except IdentityError as error:
        raise _fail(str(error)) from error
    typer.echo(signer.mint(account, now=datetime.now(UTC), ttl=ttl))


def revoke(
    *,
    state: StateOption = None,
    user: Annotated[str | None, typer.Option(help="All tokens of a person, by subject (the user name)")] = None,
    client: Annotated[str | None, typer.Option(help="All tokens that an application or a machine asked for")] = None,
    token: Annotated[str | None, typer.Option("--token", help="One token: itself, or its jti")] = None,
) -> None:
    """Take access back: what was issued until now is refused everywhere within five seconds."""
    where = State.find(state)
    signer, revoked, now = _signer(where), Revoked(where), time.time()
    if [user, client, token].count(None) != 2:  # noqa: PLR2004 — one of the three
        raise _fail("Say one of --user, --client, --token")
    if user is not None:
        revoked.subject(user, at=now)
        known = "" if user in directory().users else " (no seeded user; subjects are compared letter by letter)"
        typer.echo(f"revoked: every token of {user} issued until now{known}")
    if client is not None:
        revoked.client(client, at=now)
        typer.echo(f"revoked: every token that {client} asked for until now")
    if token is not None:
        claims = signer.read(token, kind=ACCESS_TOKEN, at=None)
        token_id = claims["jti"] if claims else token
        revoked.token(token_id, at=now)
        typer.echo(f"revoked: token {token_id}")


def rotate_key(
    *,
    state: StateOption = None,
    algorithm: Annotated[str, typer.Option(help="ES256 or EdDSA")] = "ES256",
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Publish the old keys no longer: they leaked")] = False,
) -> None:
    """Sign with a new key from now on; the old one verifies until what it signed is over."""
    if algorithm not in ALGORITHMS:
        raise _fail(f"{algorithm!r} is none of {', '.join(ALGORITHMS)}")
    signer = _signer(State.find(state))
    fresh = signer.rotate(algorithm, at=time.time(), keep_old=not drop_old)
    old = "is published no longer" if drop_old else f"verifies for {OVERLAP_S // 60} minutes yet"
    typer.echo(f"signing with {fresh} ({algorithm}); the old key {old}")
