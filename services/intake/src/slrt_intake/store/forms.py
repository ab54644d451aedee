"""The forms and documents of needs as the policy in force has them in a region."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from slrt_contracts.types import CaseId
from slrt_kit.db import Connection
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.forms import Form, read_forms
from slrt_kit.problems import NotFoundError

_MOST_KEPT = 2000
"""Policies whose forms are kept read, one for each set of layers."""
_NEEDS_OF = """
    SELECT c.village_code, c.policy_version,
           ARRAY(SELECT n.need_code FROM needs n WHERE n.case_id = c.case_id ORDER BY n.position) AS need_codes
    FROM cases c WHERE c.case_id = %(case_id)s
    """


@dataclass(frozen=True, slots=True)
class NeedForms:
    """What is asked about needs in a region. ``documents`` are entries by their code; ``forms`` by the need's code."""

    version: str
    forms: Mapping[str, Form]
    documents: Mapping[str, Entry]
    needs: Mapping[str, Entry]


class FormBook:
    """The forms of all regions. `at` raises PolicyUnknownError: nothing has been read yet."""

    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._made: dict[str, NeedForms] = {}

    def at(self, region: str, at: datetime) -> NeedForms:
        """Those in force in a region (``00`` or a dotted code) at a moment (aware). No I/O."""
        return self._of(self._book.at(region, at))

    async def of_case(self, connection: Connection, case_id: CaseId, *, at: datetime) -> tuple[NeedForms, list[str]]:
        """Those of the version that a case began under, and the codes of its needs; what is in force at ``at`` for one
        that is older than versions.

        Raises:
            NotFoundError: there is no such case. psycopg.Error.
        """
        row = await connection.row(_NEEDS_OF, {"case_id": case_id})
        if row is None:
            raise NotFoundError
        known = self._made.get(row.policy_version or "")
        if known is None and row.policy_version is not None:
            with contextlib.suppress(NotFoundError):
                known = self._of(await self._book.version(row.policy_version))
        return known or self.at(row.village_code, at), list(row.need_codes)

    def _of(self, policy: RegionPolicy) -> NeedForms:
        made = self._made.get(policy.version)
        if made is None:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            made = self._made[policy.version] = _need_forms(policy)
        return made


def _need_forms(policy: RegionPolicy) -> NeedForms:
    needs = {str(each.fields["need"]): each for each in policy.entries("taxonomy").values() if "need" in each.fields}
    return NeedForms(policy.version, read_forms(policy), policy.entries("documents"), needs)
