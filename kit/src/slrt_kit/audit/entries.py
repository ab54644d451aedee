"""Make the entries of the audit log: one canonical JSON document each, of ids and codes, never of personal data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, Self
from uuid import UUID

import orjson

from slrt_kit.access import Principal

VERSION = 1
MANY = '{"action":"export"'
"""How the text of a look at many cases at once begins."""
_MOST = 100
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{32}")
_PLAIN = re.compile(r"[ !#-\[\]-~]{0,100}")
_ESCAPED = '"\\'
_NUMBER = re.compile(r"[0-9](?:[._:/-]?[0-9]){8,}")
"""Nine digits, however they are set apart, may be somebody's phone, NIK or KK number."""


class Look(NamedTuple):
    """One look at one thing, and which fields of it were shown.

    ``event_id`` is the event that made somebody look, ``case_id`` the case that the look was for, ``near`` whether the
    thing is of the village that the looker's own token names; ``result`` is ``refused`` where it was not shown.
    ``times`` is how many rows it was of. ``cases`` are what was looked at where it was many at once, each of the object
    type; the object itself is then what they were shown in, such as an export.
    """

    action: str
    object_type: str
    object_id: UUID
    fields: Sequence[str]
    event_id: UUID | None = None
    case_id: UUID | None = None
    near: bool = False
    result: str = "ok"
    times: int = 1
    cases: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """On whose behalf something is done: a caller as the verified token says, or a service by itself."""

    subject: str
    roles: Sequence[str] = ()
    office: str | None = None
    region: str | None = None
    purpose: str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, principal: Principal, *, request_id: str | None, purpose: str | None = None) -> Self:
        """A caller."""
        return cls(
            subject=principal.subject,
            roles=sorted(principal.roles),
            office=principal.office,
            region=principal.region,
            purpose=purpose,
            request_id=request_id,
        )

    @classmethod
    def service(cls, name: str, causation_id: UUID | None = None) -> Self:
        """A service that acts on an event, whose id stands for the request's."""
        return cls(
            subject=f"slrt-{name}", roles=("service",), request_id=None if causation_id is None else str(causation_id)
        )

    def for_purpose(self, purpose: str) -> Self:
        """The same, for what it is done."""
        return replace(self, purpose=purpose)

    def because_of(self, event_id: UUID | None) -> Self:
        """The same for whom an event is the reason, where there is one."""
        return self if event_id is None else replace(self, request_id=str(event_id))


NOBODY = Actor(subject="anonymous")
"""Whoever calls without saying who they are."""


def entry_text(
    service: str,
    actor: Actor,
    *,
    at: datetime,
    action: str,
    object_type: str,
    object_id: UUID | str | None,
    fields: Sequence[str] = (),
    result: str = "ok",
    case_id: UUID | None = None,
    event_id: UUID | None = None,
    near: bool = False,
    reason: str | None = None,
    times: int = 1,
    cases: Sequence[UUID] = (),
) -> str:
    """The entry, to the byte as it is sealed: JSON in UTF-8, names in order, no spaces, nothing that is absent.

    ``at`` becomes UTC with six decimals, so that its order as text is its order in time. ``times`` other than 1 stands
    for so many of the same kind (see `slrt_kit.audit.refusals`), or for none.
    """
    entry: dict[str, object] = {"action": action, "at": moment_of(at)}
    if case_id is not None:
        entry["case_id"] = case_id
    if cases:
        entry["cases"] = cases
    if event_id is not None:
        entry["event_id"] = event_id
    if fields:
        entry["fields"] = fields
    if near:
        entry["near"] = True
    if object_id is not None:
        entry["object_id"] = object_id
    entry["object_type"] = object_type
    if actor.office is not None:
        entry["office"] = _plain(actor.office)
    if actor.purpose is not None:
        entry["purpose"] = code_of(actor.purpose)
    if reason is not None:
        entry["reason"] = reason
    if actor.region is not None:
        entry["region"] = _plain(actor.region)
    if actor.request_id is not None:
        entry["request_id"] = code_of(actor.request_id)
    entry["result"] = result
    entry["roles"] = [_plain(role) for role in actor.roles]
    entry["service"] = service
    entry["subject"] = _plain(actor.subject)
    if times != 1:
        entry["times"] = times
    entry["v"] = VERSION
    return orjson.dumps(entry).decode()


def moment_of(at: datetime) -> str:
    """A time as entries write it."""
    return f"{at.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def look_text(service: str, actor: Actor, look: Look, *, at: datetime) -> str:
    """The entry of a look."""
    return entry_text(
        service,
        actor.because_of(look.event_id),
        at=at,
        action=look.action,
        object_type=look.object_type,
        object_id=look.object_id,
        fields=look.fields,
        case_id=look.case_id,
        near=look.near,
        result=look.result,
        times=look.times,
        cases=look.cases,
    )


def code_of(given: str) -> str:
    """What a caller may write freely (a request id, a purpose), where it is a code; else that it was something else.

    A log that nothing is ever taken from must not take somebody's number.
    """
    if _UUID.fullmatch(given):
        return given
    return given if _CODE.fullmatch(given) and not _NUMBER.search(given) else "(not-a-code)"


# Few officers ask, and each again and again.
@lru_cache(maxsize=4096)
def _plain(given: str) -> str:
    """What the issuer vouches for, bounded, without what JSON would escape or PostgreSQL not take."""
    if _PLAIN.fullmatch(given):
        return given
    return "".join(sign if sign.isprintable() and sign not in _ESCAPED else "?" for sign in given[:_MOST])
