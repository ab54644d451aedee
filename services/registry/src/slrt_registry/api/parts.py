"""What the routes share: the registry on a unit of work, and looks at people: with a purpose and on record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from slrt_kit.audit import Look, record_access
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.http.auth import Authorized
from slrt_registry.domain.problems import PurposeRequiredError
from slrt_registry.ports import Registry


@dataclass(frozen=True, slots=True)
class RegistryParts:
    """Composed once in `app.py`, handed to every route."""

    database: Database
    registry: Callable[[UnitOfWork], Registry]


# A coroutine, because FastAPI sends a plain function to a thread, which costs more than the work.
async def _parts(request: Request) -> RegistryParts:
    parts: RegistryParts = request.app.state.parts
    return parts


Parts = Annotated[RegistryParts, Depends(_parts)]


async def _purpose(
    purpose: Annotated[
        str | None,
        Header(max_length=100, pattern="^[a-z0-9-]+$", description="what the data is for, such as case-screening"),
    ] = None,
) -> str:
    if purpose is None:
        raise PurposeRequiredError
    return purpose


Purpose = Annotated[str, Depends(_purpose)]
"""The stated purpose of a look at somebody's data; 400 without one."""


async def put_on_record(
    parts: RegistryParts, authorized: Authorized, looks: Sequence[Look], *, purpose: str, request: Request
) -> None:
    """Write the looks to the access log: nothing is shown that is not on record."""
    await record_access(
        parts.database, authorized.principal, looks, purpose=purpose, request_id=request.state.request_id
    )
