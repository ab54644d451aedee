"""Keep drafts."""

from uuid import UUID

from sqlalchemy import text

from slrt_intake.domain.draft import Draft
from slrt_intake.store.sql import as_json
from slrt_kit.db import StaleVersionError, UnitOfWork


class DraftStore:
    """The drafts of one unit of work (keeps the promises of `ports.Drafts`)."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, draft: Draft) -> None:
        """Insert a new draft."""
        await self._work.connection.execute(
            text(
                "INSERT INTO drafts (draft_id, version, author, village_code, text, content, warnings, created_at) "
                "VALUES (:draft_id, 1, :author, :village_code, :text, CAST(:content AS jsonb), "
                "CAST(:warnings AS jsonb), :created_at)"
            ),
            _draft_values(draft),
        )
        draft.mark_saved()

    async def get(self, draft_id: UUID) -> Draft | None:
        """The draft of that id."""
        row = (
            await self._work.connection.execute(
                text(
                    "SELECT draft_id, version, author, village_code, text, content, warnings, created_at, case_id "
                    "FROM drafts WHERE draft_id = :draft_id"
                ),
                {"draft_id": draft_id},
            )
        ).one_or_none()
        return None if row is None else Draft(**row._mapping)

    async def save(self, draft: Draft) -> None:
        """Write a changed draft.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded.
        """
        result = await self._work.connection.execute(
            text(
                "UPDATE drafts SET version = version + 1, village_code = :village_code, "
                "content = CAST(:content AS jsonb), case_id = :case_id "
                "WHERE draft_id = :draft_id AND version = :version"
            ),
            _draft_values(draft),
        )
        if result.rowcount != 1:
            raise StaleVersionError
        draft.mark_saved()


def _draft_values(draft: Draft) -> dict[str, object]:
    return {
        "draft_id": draft.draft_id,
        "version": draft.version,
        "author": draft.author,
        "village_code": draft.village_code,
        "text": draft.text,
        "content": as_json(draft.content),
        "warnings": as_json(draft.warnings),
        "created_at": draft.created_at,
        "case_id": draft.case_id,
    }
