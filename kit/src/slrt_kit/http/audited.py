"""Put on record, for the routes, who looked at what before it is shown, and what was refused to whom."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import Request

from slrt_kit.access import Principal
from slrt_kit.audit.entries import NOBODY, Actor, Look
from slrt_kit.audit.record import record_access
from slrt_kit.audit.refusals import Refusal, Refusals
from slrt_kit.problems import ProblemError


def actor_of(request: Request, principal: Principal, *, purpose: str | None = None) -> Actor:
    """On whose behalf the request is answered."""
    return Actor.of(principal, request_id=getattr(request.state, "request_id", None), purpose=purpose)


async def put_on_record(
    request: Request, principal: Principal, looks: Sequence[Look], *, purpose: str | None = None
) -> None:
    """Write an entry for each look, all in one statement; they are durable on return, and only then may they be shown.

    Raises:
        psycopg.Error: the database is away; nothing may be shown.
    """
    state = request.app.state
    await record_access(state.database, state.service, actor_of(request, principal, purpose=purpose), looks)


async def note_refusal(request: Request, problem: ProblemError) -> None:
    """Put a refusal on record where it is one: see `slrt_kit.problems.ProblemError.refuses`. Never raises."""
    refusals: Refusals | None = getattr(request.app.state, "refusals", None)
    if not problem.refuses or refusals is None:
        return
    principal: Principal | None = getattr(request.state, "principal", None)
    object_type, object_id = getattr(request.state, "asked_for", None) or _asked_for(request)
    route = request.scope.get("route")
    if problem.status == _NOT_FOUND and object_id is None:
        return  # an address that nobody has, of no thing
    actor = actor_of(request, principal) if principal else NOBODY
    await refusals.note(
        Refusal(
            actor=actor,
            action=getattr(route, "name", "(none)").replace("_", "-"),
            object_type=object_type,
            object_id=object_id,
            reason=problem.reason or problem.slug,
        )
    )


_NOT_FOUND = 404


def _asked_for(request: Request) -> tuple[str, str | None]:
    """The thing that the address names, by the name of its place in the route."""
    for name, value in request.scope.get("path_params", {}).items():
        try:
            return name.removesuffix("_id").replace("_", "-"), str(UUID(str(value)))
        except ValueError:
            continue
    return "(none)", None
