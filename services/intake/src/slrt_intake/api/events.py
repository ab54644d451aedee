"""Follow a case: everything that happens to it, in whichever service, as it becomes known."""

import re
from collections.abc import AsyncGenerator
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Request

from slrt_contracts.structured import structured
from slrt_contracts.types import CaseId
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.store.timeline import Place, place_after
from slrt_intake.store.visibility import may_look
from slrt_intake.usecases import cases
from slrt_kit.access import Scope
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.streams import EventStream, Message

router = APIRouter(tags=["cases"])

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events. `id` is the event's id, `event` its type, `data` a CloudEvent in "
        "structured mode (application/cloudevents+json) in one line. Ends when the token expires and whenever the "
        "service restarts: come back with `Last-Event-ID`.",
    },
    503: {"description": "The database is away, or too many streams are open; see Retry-After."},
}


@router.get("/cases/{case_id}/events", status_code=200, response_class=EventStream, responses=_ANSWER)
async def follow_case(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.case.read")],
    parts: Parts,
    last_event_id: Annotated[
        str | None,
        Header(description="The id of the last event that the caller has; one that is not the case's is as none."),
    ] = None,
) -> EventStream:
    """All events of a case, oldest first, and then each new one as it comes.

    Within one source and subject they come by `keysequence`. What comes again has the same id.
    """
    async with parts.database.unit_of_work() as work:
        case = await cases.look_at_case(CaseId(case_id), cases=parts.cases(work), scope=authorized.scope)
    place = await place_after(parts.database, case.case_id, _event_id(last_event_id))
    messages = _messages(case.case_id, place, parts, authorized.scope)
    return EventStream.to(authorized.principal, request, messages, streams=parts.streams)


async def _messages(case_id: CaseId, place: Place, parts: IntakeParts, scope: Scope) -> AsyncGenerator[Message, None]:
    entries = parts.following.entries(case_id, place)
    try:
        async for entry in entries:
            # Transferred, sealed, unassigned, the emergency over: from then on nothing of the case is told.
            async with parts.database.read() as session:
                if not await may_look(session, case_id, scope, at=parts.database.clock.now()):
                    return
            data = orjson.dumps(structured(*entry.told())).decode()
            yield Message(id=str(entry.event_id), event=entry.event_type, data=data)
    finally:
        await entries.aclose()


def _event_id(given: str | None) -> UUID | None:
    """A browser sends again whatever it was sent; what is no id of ours asks for everything."""
    return UUID(given) if given and _UUID.fullmatch(given) else None
