"""Keep drafts: the message and what was made of it sealed, under a key of each draft."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from slrt_intake.domain.draft import Draft
from slrt_intake.store.sealed import DRAFTS, seal_draft
from slrt_intake.store.sql import as_json
from slrt_kit.db import StaleVersionError, UnitOfWork
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.problems import ErasedError

_TEXT = "draft text"


class SameText(NamedTuple):
    """A draft of a text, and whose it is."""

    draft_id: UUID
    author: str


class DraftStore:
    """The drafts of one unit of work (keeps the promises of `ports.Drafts`)."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault

    async def add(self, draft: Draft) -> None:
        """Insert a new draft."""
        (key,) = await self._vault.keys.take(1)
        draft.key_id = key.key_id
        await self._work.connection.run(
            (
                "INSERT INTO drafts (draft_id, version, author, village_code, key_id, sealed, warnings, created_at, "
                "text_check) VALUES (%(draft_id)s, 1, %(author)s, %(village_code)s, %(key_id)s, %(sealed)s, "
                "CAST(%(warnings)s AS jsonb), %(created_at)s, %(text_check)s)"
            ),
            _draft_values(draft)
            | {
                "sealed": seal_draft(self._vault, key, draft),
                "text_check": self._vault.blind.of(_TEXT, _folded(draft.text)),
            },
        )
        draft.mark_saved()

    async def of_text(self, text: str) -> Sequence[SameText]:
        """The drafts that came of the same text, whatever its spaces and case, oldest first.

        Whoever asks for the same text waits here until this unit of work has ended.
        """
        said = _folded(text)
        await self._work.connection.run(
            "SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": self._vault.blind.lock(_TEXT, said)}
        )
        rows = await self._work.connection.rows(
            ("SELECT draft_id, author FROM drafts WHERE text_check = %(check)s ORDER BY created_at, draft_id"),
            {"check": self._vault.blind.of(_TEXT, said)},
        )
        return [SameText(*row) for row in rows]

    async def get(self, draft_id: UUID) -> Draft | None:
        """The draft of that id.

        Raises:
            ErasedError: it was erased. KeyMissingError, SealBrokenError: see `Vault.unseal`.
        """
        row = await self._work.connection.row(
            (
                "SELECT draft_id, version, author, village_code, warnings, created_at, case_id, key_id, sealed "
                "FROM drafts WHERE draft_id = %(draft_id)s"
            ),
            {"draft_id": draft_id},
        )
        if row is None:
            return None
        values = row._asdict()
        sealed = SealedRow(row.key_id, values.pop("sealed"), draft_id)
        opened = await self._vault.unseal_one(sealed, table=DRAFTS)
        if opened is ERASED:
            raise ErasedError
        return Draft(**values, text=opened["text"], content=opened["content"])

    async def save(self, draft: Draft) -> None:
        """Write a changed draft, sealed under the key that it has.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded. ErasedError: it was erased meanwhile.
        """
        if draft.key_id is None:
            raise ValueError("a draft is saved after it was added or loaded")
        key = (await self._vault.keys.find([draft.key_id]))[draft.key_id]
        if key is None:
            raise ErasedError
        written = await self._work.connection.run(
            (
                "UPDATE drafts SET version = version + 1, village_code = %(village_code)s, sealed = %(sealed)s, "
                "case_id = %(case_id)s WHERE draft_id = %(draft_id)s AND version = %(version)s"
            ),
            _draft_values(draft) | {"sealed": seal_draft(self._vault, key, draft)},
        )
        if written != 1:
            raise StaleVersionError
        draft.mark_saved()


def _folded(text: str) -> str:
    """The text without what a copy changes: case, spaces, line ends, marks that nobody sees."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(" " if mark.isspace() else mark for mark in plain if not _is_unseen(mark)).split())


def _is_unseen(mark: str) -> bool:
    return unicodedata.category(mark) in ("Cf", "Cc") and not mark.isspace()


def _draft_values(draft: Draft) -> dict[str, object]:
    return {
        "draft_id": draft.draft_id,
        "version": draft.version,
        "author": draft.author,
        "village_code": draft.village_code,
        "key_id": draft.key_id,
        "warnings": as_json(draft.warnings),
        "created_at": draft.created_at,
        "case_id": draft.case_id,
    }
