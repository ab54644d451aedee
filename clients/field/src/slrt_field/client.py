"""Talk to the server: hand in, take along, forget what may be forgotten; again and again, until it is done."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import httpx

from slrt_field.errors import NotSignedInError, RefusedError, UnreachableError, WipedError
from slrt_field.store import FieldStore

MOST_ITEMS: Final = 200
"""Items that the server takes in one upload."""
KEEP_DAYS: Final = 7.0
"""How long an item stays on the device after its receipt has come."""
PURPOSE: Final = "case-handling"
_TRIES: Final = 6
_LONGEST_PAUSE_S: Final = 60.0
_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNAUTHENTICATED: Final = 401
_TOO_LARGE: Final = 413

Token = Callable[[], Awaitable[str]]
"""Gives an access token, a fresh one where the last has ended."""
Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class SyncReport:
    """What an exchange did: items and pictures by what became of them, and how many visits are held."""

    receipts: dict[str, int] = field(default_factory=dict)
    photos: dict[str, int] = field(default_factory=dict)
    visits: int = 0
    purged: int = 0

    @property
    def committed(self) -> int:
        """Items that are applied on the server, also those that were there before."""
        return sum(self.receipts.get(each, 0) for each in ("committed", "already_committed", "conflict_kept_both"))

    @property
    def rejected(self) -> int:
        """Items that the server did not take, and keeps."""
        return self.receipts.get("rejected_with_reason", 0)


class FieldClient:
    """Syncs one store with one server."""

    def __init__(
        self,
        store: FieldStore,
        *,
        base_url: str,
        token: Token,
        keep_days: float = KEEP_DAYS,
        most_items: int = MOST_ITEMS,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        tries: int = _TRIES,
    ) -> None:
        """``base_url`` is where intake is, without ``/v1``. ``transport`` and ``sleep`` are for tests."""
        self._store = store
        self._token = token
        self._keep_days = keep_days
        self._most_items = most_items
        self._sleep = sleep
        self._tries = tries
        self._http = httpx.AsyncClient(
            base_url=base_url, transport=transport, timeout=httpx.Timeout(30.0, connect=10.0), follow_redirects=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def sync(self) -> SyncReport:
        """Hand in everything, take along what is to be done, forget what has been safe for long enough.

        Killed anywhere, or after any error, it may simply be called again: what is not known to be on the server is
        still here, and what is there already is not applied twice.

        Raises:
            UnreachableError, NotSignedInError: later, or with another token. RefusedError: not like this.
            WipedError: the device was revoked, and nothing is left on it.
        """
        report = SyncReport()
        if not self._store.is_registered:
            await self._call("PUT", "")
            self._store.mark_registered()
        await self._hand_in(report)
        await self._look_after_waiting(report)
        if not self._store.must_wipe:
            await self._send_photos(report)
            await self._take_along()
        if self._store.must_wipe:
            await self._wipe()
        report.purged = self._store.purge(days=self._keep_days)
        report.visits = len(self._store.visits())
        return report

    async def _hand_in(self, report: SyncReport) -> None:
        most = self._most_items
        while pending := self._store.pending(most):
            body = {"device_now": self._device_now(), "items": [each.wire() for each in pending]}
            try:
                said = await self._call("POST", "/uploads", json=body)
            except RefusedError as refused:
                if refused.status != _TOO_LARGE or most == 1:
                    raise
                most = max(1, most // 2)
                continue
            self._keep(said, report)

    async def _look_after_waiting(self, report: SyncReport) -> None:
        """Items that waited are told of once the one that they refer to has come."""
        waiting = {str(each.item_id): each for each in self._store.waiting()}
        after = min((each.sequence for each in waiting.values()), default=0) - 1
        more = bool(waiting)
        while more:
            said = await self._call("GET", "/receipts", params={"after": after})
            found = [each for each in said["receipts"] if each["item_id"] in waiting]
            self._keep({**said, "receipts": [each for each in found if each["status"] != "waiting_for"]}, report)
            more = said["more"]
            after = max((each["sequence"] for each in said["receipts"]), default=after)

    async def _send_photos(self, report: SyncReport) -> None:
        """Each goes on where it stopped; one whose case is not there yet waits for the next time."""
        for photo_id, said in self._store.photos():
            try:
                known = await self._call("PUT", f"/photos/{photo_id}", json=said)
                while known["state"] == "arriving":
                    piece = self._store.photo_piece(photo_id, known["offset"])
                    where = f"/photos/{photo_id}/pieces"
                    known = await self._call("POST", where, params={"offset": known["offset"]}, content=piece)
            except RefusedError as refused:
                if refused.is_of("photo-waits"):
                    continue
                known = {"state": "rejected", "reason": refused.slug}
            self._store.end_photo(photo_id, state=known["state"], reason=known["reason"])
            report.photos[known["state"]] = report.photos.get(known["state"], 0) + 1

    def _keep(self, said: Mapping[str, Any], report: SyncReport) -> None:
        self._store.note_exchange(said)
        self._store.settle(said["receipts"])
        for each in said["receipts"]:
            report.receipts[each["status"]] = report.receipts.get(each["status"], 0) + 1

    async def _take_along(self) -> None:
        cursor = self._store.cursor
        found = await self._call("GET", "/assignments", params={} if cursor is None else {"cursor": cursor})
        self._store.note_exchange(found)
        self._store.keep_assignments(found)

    async def _wipe(self) -> None:
        """Everything was handed in before: the server keeps it. Forget it, then say so; both may be done again."""
        self._store.wipe()
        await self._call("POST", "/wiped")
        raise WipedError("the device was revoked; nothing is left on it")

    def _device_now(self) -> str:
        return self._store.now().isoformat()

    async def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """One exchange, tried again with growing pauses (full jitter) while nothing else than the line is wrong."""
        pause = 0.5
        for again in range(self._tries):
            wait: float | None = None
            try:
                answer = await self._http.request(
                    method, f"/v1/field/devices/{self._store.device_id}{path}", headers=await self._headers(), **more
                )
            except httpx.TransportError:
                pass
            else:
                if answer.status_code not in _RETRIED:
                    return self._read(answer)
                wait = _seconds(answer.headers.get("retry-after"))
            if again < self._tries - 1:
                await self._sleep(wait if wait is not None else random.uniform(0, pause))  # noqa: S311 — no secret
                pause = min(pause * 2, _LONGEST_PAUSE_S)
        raise UnreachableError(f"{method} {path or '/'}: not reached in {self._tries} tries")

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code == _UNAUTHENTICATED:
            raise NotSignedInError
        try:
            said: dict[str, Any] = answer.json()
        except ValueError as error:
            # A captive portal of a hotel answers everything, and none of it is ours.
            raise UnreachableError("what answered is not the server") from error
        if not answer.is_success:
            raise RefusedError(answer.status_code, said)
        return said

    async def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {await self._token()}",
            "Idempotency-Key": uuid4().hex,
            "Purpose": PURPOSE,
            "Device-Now": self._device_now(),
        }


def _seconds(written: str | None) -> float | None:
    """A Retry-After in seconds; what is a date, or nothing, is for the jitter."""
    if written is None or not written.isdecimal():
        return None
    return min(float(written), _LONGEST_PAUSE_S)
