"""A draft: what a report may become when the facilitator confirms it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_contracts.types import CaseId
from slrt_intake.domain.problems import DraftConfirmedError
from slrt_kit.aggregate import Aggregate


@dataclass(kw_only=True)
class Draft(Aggregate):
    """One report of one message. ``content`` has the shape of a registration, with holes where nothing was said.

    ``key_id`` names the key that it is sealed under, once it was saved. ``warnings`` are doubts (``nik:length``) that
    refuse nothing. A draft raises no events: until it is confirmed it is nobody's business but its author's.
    """

    draft_id: UUID
    author: str
    village_code: str | None
    text: str
    content: dict[str, Any]
    warnings: list[str]
    created_at: datetime
    case_id: CaseId | None = None
    key_id: int | None = None

    def correct(self, content: dict[str, Any], *, village_code: str | None) -> None:
        """Replace the content.

        Raises:
            DraftConfirmedError: it is a case already.
        """
        self._check_open()
        self.content = content
        self.village_code = village_code

    def confirm(self, case_id: CaseId) -> None:
        """Note which case it became.

        Raises:
            DraftConfirmedError: it is a case already.
        """
        self._check_open()
        self.case_id = case_id

    def _check_open(self) -> None:
        if self.case_id is not None:
            raise DraftConfirmedError(case_id=str(self.case_id))
