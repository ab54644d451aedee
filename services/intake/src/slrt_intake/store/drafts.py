"""Keep drafts."""

from uuid import UUID

from slrt_intake.domain.draft import Draft
from slrt_intake.store.sql import as_json
from slrt_kit.db import StaleVersionError, UnitOfWork


class DraftStore:
    """The drafts of one unit of work (keeps the promises of `ports.Drafts`)."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, draft: Draft) -> None:
        """Insert a new draft."""
        await self._work.connection.run(
            (
                "INSERT INTO drafts (draft_id, version, author, village_code, text, content, warnings, created_at) "
                "VALUES (%(draft_id)s, 1, %(author)s, %(village_code)s, %(text)s, CAST(%(content)s AS jsonb), "
                "CAST(%(warnings)s AS jsonb), %(created_at)s)"
            ),
            _draft_values(draft),
        )
        draft.mark_saved()

    async def get(self, draft_id: UUID) -> Draft | None:
        """The draft of that id."""
        row = await self._work.connection.row(
            (
                "SELECT draft_id, version, author, village_code, text, content, warnings, created_at, case_id "
                "FROM drafts WHERE draft_id = %(draft_id)s"
            ),
            {"draft_id": draft_id},
        )
        return None if row is None else Draft(**row._asdict())

    async def save(self, draft: Draft) -> None:
        """Write a changed draft.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded.
        """
        written = await self._work.connection.run(
            (
                "UPDATE drafts SET version = version + 1, village_code = %(village_code)s, "
                "content = CAST(%(content)s AS jsonb), case_id = %(case_id)s "
                "WHERE draft_id = %(draft_id)s AND version = %(version)s"
            ),
            _draft_values(draft),
        )
        if written != 1:
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
