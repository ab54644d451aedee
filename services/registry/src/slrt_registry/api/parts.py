"""What the routes share: the registry on a unit of work, and looks at people: with a purpose and on record."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request, Response

from slrt_contracts.types import PersonId
from slrt_kit.access import Principal
from slrt_kit.audit.entries import Look
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.http.commands import Answer, Command, check_version
from slrt_kit.regions import RegionCode, Regions
from slrt_registry.api.schemas import SHOWN_FIELDS
from slrt_registry.domain.person import Person
from slrt_registry.domain.problems import UnknownRegionError
from slrt_registry.ports import Registry
from slrt_registry.usecases import people


@dataclass(frozen=True, slots=True)
class RegistryParts:
    """Composed once in `app.py`, handed to every route."""

    database: Database
    registry: Callable[[UnitOfWork], Registry]
    regions: Regions

    def village(self, code: str) -> RegionCode:
        """The village of that code.

        Raises:
            UnknownRegionError: there is none.
        """
        region = self.regions.get(code)
        if region is None:
            raise UnknownRegionError
        return region.code


# A coroutine, because FastAPI sends a plain function to a thread, which costs more than the work.
async def _parts(request: Request) -> RegistryParts:
    parts: RegistryParts = request.app.state.parts
    return parts


Parts = Annotated[RegistryParts, Depends(_parts)]


ForCase = Annotated[
    UUID | None, Header(alias="Case-Id", description="the case that the look is for; a look without one is conspicuous")
]


def person_look(action: str, person: Person, principal: Principal, case_id: UUID | None) -> Look:
    """A look at a person, for the audit log; near where the looker's token names the person's own village."""
    near = principal.region is not None and principal.region == person.village_code
    return Look(action, "person", person.person_id, SHOWN_FIELDS, case_id=case_id, near=near)


async def on_person(
    person_id: UUID, request: Command, parts: RegistryParts, step: Callable[[Person, UnitOfWork], Awaitable[Answer]]
) -> Response:
    """Load the person inside the caller's scope and version, take the step."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        person = await people.load_person(PersonId(person_id), registry=parts.registry(unit), scope=request.scope)
        check_version(expected, person.version)
        return await step(person, unit)

    return await request.run(work)
