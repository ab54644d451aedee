"""Ask the owner of the cases about several of them in one request: the claim check for what no event may carry."""

from collections.abc import Mapping, Sequence
from typing import Any

from slrt_contracts.types import CaseId, EventId
from slrt_kit.coalesce import Coalescer
from slrt_kit.http.client import ServiceClient
from slrt_kit.messaging.errors import RejectedError, TransientError


class ClaimChecks:
    """One kind of question about cases: ``POST /v1/<what>/search``, once for all that are asked about side by side."""

    def __init__(self, client: ServiceClient, what: str, *, purpose: str) -> None:
        self._client = client
        self._what = what
        self._purpose = purpose
        self._asking = Coalescer(self._ask, common=(TransientError,), workers=1)

    async def about(self, case_id: CaseId, *, event_id: EventId) -> Mapping[str, Any]:
        """What the owner says of the case, as it came; ``event_id`` is what makes us ask.

        Raises:
            TransientError: the owner is away.
            RejectedError: it refuses, shows no such case, or answers in another shape.
        """
        found = await self.find(case_id, event_id=event_id)
        if found is None:
            raise RejectedError("the claim check shows no such case")
        return found

    async def find(self, case_id: CaseId, *, event_id: EventId) -> Mapping[str, Any] | None:
        """As `about`; None where the owner shows nothing of the case."""
        return await self._asking.add((case_id, event_id))

    async def _ask(self, wanted: Sequence[tuple[CaseId, EventId]]) -> list[Mapping[str, Any] | None]:
        body = {"cases": [{"case_id": case_id, "event_id": event_id} for case_id, event_id in wanted]}
        answer = await self._client.query(
            f"/v1/{self._what}/search", body, purpose=self._purpose, event_id=wanted[0][1]
        )
        shown = answer.get(self._what) if isinstance(answer, dict) else None
        if not isinstance(shown, list) or not all(isinstance(each, dict) for each in shown):
            raise RejectedError("the claim check's answer does not fit")
        found = {each.get("case_id"): each for each in shown}
        return [found.get(str(case_id)) for case_id, _ in wanted]
