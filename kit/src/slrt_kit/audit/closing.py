"""Close an audit chain that was lost, with a signed statement, and begin another that names it.

For what a disk or an old backup has taken, and for nothing else: where an entry is there and is not what was sealed,
the chain was altered, and nothing is closed over that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from slrt_kit.audit import chain
from slrt_kit.audit.entries import Actor, entry_text, moment_of
from slrt_kit.audit.statements import Closing, Day, Head, Keys, Signed, Signer, StatementError
from slrt_kit.audit.store import SealedStore
from slrt_kit.clock import NewId
from slrt_kit.connecting import BoundedConnection


class LossReason(StrEnum):
    """What took the entries."""

    DISK_LOST = "disk-lost"
    BACKUP_RESTORED = "backup-restored"
    DATABASE_DAMAGED = "database-damaged"


class NotClosedError(Exception):
    """The chain cannot be closed; nothing was changed. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What an operator says of it. ``lost_to`` is the last position that is known to have been sealed, such as from a
    published root; ``chain_id`` is needed where the database does not even know the chain."""

    reason: LossReason
    by: str
    lost_to: int | None = None
    chain_id: UUID | None = None


async def close_chain(
    connection: BoundedConnection, service: str, signer: Signer, loss: Loss, *, at: datetime, new_id: NewId
) -> Closing:
    """Close the chain behind its last entry that is there; what stood up to `Loss.lost_to` is said to be lost.

    Raises:
        NotClosedError: a sealer is at work, nothing is missing, or what is there is not what was sealed.
        psycopg.Error: the database is away, or refuses.
    """
    store = SealedStore(connection)
    async with connection.transaction():
        if not await store.leads_until_commit():
            raise NotClosedError("a sealer is at work: stop every relay of the service first, also in `all`")
        head, newest = await _known_end(store, service, signer, loss)
        days = await _days(store, signer, head.chain_id)
        position, link = await _last_sound(store, head, {day.last: day for day, _ in days})
        if position >= max(newest, loss.lost_to or 0):
            raise NotClosedError(f"nothing is missing: the chain goes to position {position}, as it was signed")
        whole = [(day, signed) for day, signed in days if day.last <= position]
        closing = Closing(
            service=service,
            chain_id=head.chain_id,
            position=position,
            link=link,
            lost_to=max(newest, loss.lost_to or 0, await store.newest()),
            days=len(whole),
            last_day=whole[-1][1].digest if whole else chain.NO_DAY,
            known_day=days[-1][0].day if days else None,
            known_root=days[-1][0].root if days else b"",
            next_chain=new_id(),
            reason=loss.reason,
            by=loss.by,
            at=moment_of(at),
        )
        await _begin_next(store, signer, closing, today=_first_day(days, at))
        await store.put_on_record(
            entry_text(
                service,
                Actor(subject=loss.by, roles=("operator",)),
                at=at,
                action="close-chain",
                object_type="audit",
                object_id=closing.chain_id,
                reason=loss.reason,
            )
        )
    return closing


async def _known_end(store: SealedStore, service: str, signer: Signer, loss: Loss) -> tuple[Head, int]:
    """The end as it was signed, and up to which position something was sealed for certain."""
    signed = await store.head()
    if signed is not None:
        try:
            head = Head.of(Keys(signer.public_key).check(chain.HEAD, signed))
        except StatementError as error:
            raise NotClosedError(f"the statement of the chain's end {error}: this is no loss") from error
        return head, head.position
    if loss.chain_id is None or loss.lost_to is None:
        raise NotClosedError("the statement of the chain's end is gone, too: name the chain and its last position")
    closed = [_closing(each, signer) for each in await store.closings()]
    base, follows = 0, b""
    if closed:
        before, digest = closed[-1]
        if before.next_chain != loss.chain_id:
            raise NotClosedError(f"the chain that follows the one closed last is {before.next_chain}")
        base, follows = before.lost_to, digest
    head = Head.beginning_at(service, loss.chain_id, today=date.min, base=base, follows=follows)
    return head, loss.lost_to


def _closing(signed: Signed, signer: Signer) -> tuple[Closing, bytes]:
    try:
        return Closing.of(Keys(signer.public_key).check(chain.CLOSING, signed)), signed.digest
    except StatementError as error:
        raise NotClosedError(f"the statement that closed the chain before {error}") from error


async def _days(store: SealedStore, signer: Signer, chain_id: UUID) -> list[tuple[Day, Signed]]:
    found = []
    for signed in await store.days():
        try:
            day = Day.of(Keys(signer.public_key).check(chain.DAY, signed))
        except StatementError as error:
            raise NotClosedError(f"the statement of a closed day {error}: this is no loss") from error
        if day.chain_id == chain_id:
            found.append((day, signed))
    return found


async def _last_sound(store: SealedStore, head: Head, ends: Mapping[int, Day]) -> tuple[int, bytes]:
    """The last entry before the first that is missing, with its link; every link is counted anew."""
    position, link = head.base, head.beginning
    while page := await store.after(position):
        for found, linked, entry in page:
            if found != position + 1:
                return position, link
            link = chain.link(link, entry.encode())
            day = ends.get(found)
            if linked != link or (day is not None and day.last >= day.first and day.head != link):
                raise NotClosedError(f"position {found}: is not what was sealed; this is no loss")
            position = found
            if position == head.position and link != head.link:
                raise NotClosedError(f"position {found}: is not what was sealed; this is no loss")
    return position, link


def _first_day(days: list[tuple[Day, Signed]], at: datetime) -> date:
    today = at.astimezone(UTC).date()
    return max(today, days[-1][0].day + timedelta(days=1)) if days else today


async def _begin_next(store: SealedStore, signer: Signer, closing: Closing, *, today: date) -> None:
    signed = signer.sign(chain.CLOSING, closing)
    await store.keep_closing(closing.position, signed)
    head = Head.beginning_at(
        closing.service, closing.next_chain, today=today, base=closing.lost_to, follows=signed.digest
    )
    await store.keep_head(signer.sign(chain.HEAD, head))
