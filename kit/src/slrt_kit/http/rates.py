"""Bound how often one person asks: a token bucket per subject, in each process (the gateway bounds addresses)."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType

from starlette.requests import HTTPConnection

from slrt_kit import metrics
from slrt_kit.access import Principal
from slrt_kit.problems import ProblemError, Text

_MOST_PEOPLE = 10_000
_COUNTED = "person_counted"
# Services ask for many people at once, and are bounded by their own work.
_EXEMPT_ROLE = "service"


class TooManyRequestsError(ProblemError):
    slug, status = "too-many-requests", 429
    title = Text("Terlalu banyak permintaan; coba sebentar lagi", "Too many requests; try again in a moment")

    def __init__(self, *, seconds: float) -> None:
        """``seconds`` until the next one is taken."""
        super().__init__()
        self.headers = MappingProxyType({"Retry-After": str(max(1, math.ceil(seconds)))})


class PersonLimit:
    """At most ``burst`` requests of one subject at once and ``per_second`` on the long run; 0 turns it off.

    Kept as the moment at which the subject's bucket is full again (GCRA, ITU-T I.371): one number per subject.
    """

    def __init__(self, *, per_second: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._each = 1 / per_second if per_second else 0.0
        self._tolerance = self._each * burst
        self._monotonic = monotonic
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def count(self, request: HTTPConnection, principal: Principal) -> None:
        """Count a request, once however often it is authenticated (see `slrt_kit.http.fast`).

        Raises:
            TooManyRequestsError: 429 with Retry-After.
        """
        state = request.scope.setdefault("state", {})
        if not self._each or _COUNTED in state or _EXEMPT_ROLE in principal.roles:
            return
        now = self._monotonic()
        full_at = max(now, self._full_at.get(principal.subject, now)) + self._each
        wait = full_at - now - self._tolerance
        # A clock's last digits are no reason to refuse.
        if wait > self._each / 1000:
            metrics.PERSON_LIMIT_REFUSALS.inc()
            raise TooManyRequestsError(seconds=wait)
        state[_COUNTED] = True
        self._full_at[principal.subject] = full_at
        self._full_at.move_to_end(principal.subject)
        if len(self._full_at) > _MOST_PEOPLE:
            # Who has not asked for longest; with so many callers his bucket has filled up long since.
            self._full_at.popitem(last=False)
