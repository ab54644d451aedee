"""Make the entries of the audit log: one canonical JSON document each, of ids and codes, never of personal data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, Self
from uuid import UUID

import orjson

from slrt_kit.access import Principal

VERSION = 1
_MOST = 100
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9](?:[._:/-]?[0-9]){8,}")
"""Nine digits, however they are set apart, may be somebody's phone, NIK or KK number."""


class Look(NamedTuple):
    """One look at one thing, and which fields of it were shown.

    ``event_id`` is the event that made somebody look, ``case_id`` the case that the look was for, ``near`` whether the
    thing is of the village that the looker's own token names.
    """

    action: str
    object_type: str
    object_id: UUID
    fields: Sequence[str]
    event_id: UUID | None = None
    case_id: UUID | None = None
    near: bool = False


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
) -> str:
    """The entry, to the byte as it is sealed: JSON in UTF-8, names in order, no spaces, nothing that is absent.

    ``at`` becomes UTC with six decimals, so that its order as text is its order in time. ``times`` above 1 stands for
    so many of the same kind (see `slrt_kit.audit.refusals`).
    """
    document = {
        "action": action,
        "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "case_id": case_id,
        "event_id": event_id,
        "fields": list(fields) or None,
        "near": near or None,
        "object_id": str(object_id) if object_id is not None else None,
        "object_type": object_type,
        "office": _plain(actor.office),
        "purpose": code_of(actor.purpose),
        "reason": reason,
        "region": _plain(actor.region),
        "request_id": code_of(actor.request_id),
        "result": result,
        "roles": [_plain(role) for role in actor.roles],
        "service": service,
        "subject": _plain(actor.subject),
        "times": times if times > 1 else None,
        "v": VERSION,
    }
    present = {name: value for name, value in document.items() if value is not None}
    return orjson.dumps(present, option=orjson.OPT_SORT_KEYS).decode()


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
    )


def code_of(given: str | None) -> str | None:
    """What a caller may write freely (a request id, a purpose), where it is a code; else that it was something else.

    A log that nothing is ever taken from must not take somebody's number.
    """
    if given is None or _UUID.fullmatch(given):
        return given
    return given if _CODE.fullmatch(given) and not _NUMBER.search(given) else "(not-a-code)"


def _plain(given: str | None) -> str | None:
    """What the issuer vouches for, bounded, without what JSON or PostgreSQL would not take."""
    if given is None or (given.isascii() and given.isprintable() and len(given) <= _MOST):
        return given
    return "".join(sign if sign.isprintable() else "?" for sign in given[:_MOST])
