"""The checklists of visits as the policy in force has them in a region."""

from datetime import datetime

from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.checklists import Checklists, read_checklists

_MOST_KEPT = 2000


class ChecklistBook:
    """The checklists of all regions. `at` raises PolicyUnknownError: nothing has been read yet."""

    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._made: dict[str, Checklists] = {}

    def at(self, region: str, at: datetime) -> Checklists:
        """Those in force in a region (``00`` or a dotted code) at a moment (aware). No I/O."""
        policy = self._book.at(region, at)
        made = self._made.get(policy.version)
        if made is None:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            made = self._made[policy.version] = read_checklists(policy)
        return made
