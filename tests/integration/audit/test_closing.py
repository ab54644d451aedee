"""A chain that was lost is closed under the service's key, another goes on, and a check tells loss from tampering."""

from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID

import orjson
import psycopg
import pytest
from tests.drills.chains import Chain
from tests.drills.tampering_ends import OF_ENDS, EndKind, new_chain_alone

from slrt_kit.audit.closing import Loss, LossReason, NotClosedError, close_chain
from slrt_kit.audit.export import Range
from slrt_kit.audit.proof import ProofError, check_proof, prove
from slrt_kit.audit.sealer import connect
from slrt_kit.audit.statements import Closing, Head
from slrt_kit.clock import new_uuid7


async def close(audited: Chain, *, lost_to: int | None = None, chain_id: UUID | None = None) -> Closing:
    loss = Loss(reason=LossReason.DISK_LOST, by="operator:root", lost_to=lost_to, chain_id=chain_id)
    async with await connect(audited.url) as connection:
        return await close_chain(connection, "intake", audited.signer, loss, at=audited.clock.now(), new_id=new_uuid7)


async def as_owner(audited: Chain, *statements: str) -> None:
    """Whoever owns the tables, or a fault below them."""
    async with await psycopg.AsyncConnection.connect(audited.url) as connection:
        for table in ("audit", "audit_days", "audit_closings"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            await connection.execute(statement)
        for table in ("audit", "audit_days", "audit_closings"):
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        await connection.commit()
    audited.sealer = audited.new_sealer()


@pytest.fixture
async def three_days(audited: Chain) -> Chain:
    """Positions 1 to 30 in three days of ten, the third one open."""
    for _ in range(2):
        await audited.write(10)
        await audited.seal_next_day()
    await audited.write(10)
    await audited.seal()
    return audited


LOSSES: dict[str, tuple[str, int | None, int, int]] = {
    "the end of the open day": ("DELETE FROM audit WHERE position > 26", None, 26, 30),
    "all of the open day": ("DELETE FROM audit WHERE position > 20", None, 20, 30),
    "more than the open day": ("DELETE FROM audit WHERE position > 14", None, 14, 30),
    "everything": ("DELETE FROM audit", None, 0, 30),
    "a page in the midst": ("DELETE FROM audit WHERE position BETWEEN 13 AND 17", None, 12, 30),
}


@pytest.mark.parametrize("what", LOSSES)
async def test_a_loss_is_closed_and_the_log_goes_on_and_is_sound(three_days: Chain, what: str) -> None:
    statement, lost_to, position, up_to = LOSSES[what]
    told = await three_days.told()
    await as_owner(three_days, statement)
    unsigned = three_days.check(await three_days.export(), told)
    assert not unsigned.is_sound, "before anybody has signed for it, it is a gap"
    closing = await close(three_days, lost_to=lost_to)
    assert (closing.position, closing.lost_to) == (position, up_to)
    assert closing.known_root.hex() == told[-1].root
    three_days.sealer = three_days.new_sealer()
    await three_days.write(5)
    await three_days.seal_next_day()
    await three_days.write(5)
    await three_days.seal()
    lines = await three_days.export()
    report = three_days.check(lines, await three_days.told())
    assert report.problems == []
    assert [each for each, _ in report.closings] == [closing]
    assert report.chain_id == closing.next_chain
    # Five, five, and the entry that it was closed.
    assert report.entries == position + 11
    (entry,) = [each for each in await three_days.entries() if each["action"] == "close-chain"]
    assert (entry["subject"], entry["reason"], entry["object_id"]) == (
        "operator:root",
        "disk-lost",
        str(closing.chain_id),
    )
    proof = prove(lines, up_to + 2)
    assert check_proof(proof, three_days.keys).chain_id == closing.next_chain


async def test_a_database_that_was_brought_back_from_before_is_closed_by_the_published_roots(three_days: Chain) -> None:
    """Everything in it fits; only who has kept the roots knows that it went on."""
    await as_owner(
        three_days,
        "CREATE TABLE head_then AS SELECT * FROM audit_head",
    )
    await three_days.seal_next_day()
    told = await three_days.told()
    assert len(told) == 3
    await as_owner(
        three_days,
        "DELETE FROM audit WHERE position > 30",
        "DELETE FROM audit_days WHERE day > (SELECT min(day) + 1 FROM audit_days)",
        "UPDATE audit_head SET statement = h.statement, signature = h.signature FROM head_then h",
    )
    with pytest.raises(NotClosedError, match="nothing is missing"):
        await close(three_days)
    closing = await close(three_days, lost_to=35)
    assert (closing.position, closing.lost_to) == (30, 35)
    await three_days.write(1)
    three_days.sealer = three_days.new_sealer()
    await three_days.seal()
    assert three_days.check(await three_days.export(), told).problems == []


async def test_who_was_refused_stands_in_nobodys_way_not_even_while_their_session_lasts(three_days: Chain) -> None:
    await as_owner(three_days, "DELETE FROM audit WHERE position > 26")
    loss = Loss(reason=LossReason.DISK_LOST, by="operator:root", lost_to=20)
    async with await connect(three_days.url) as still_open:
        await as_owner(three_days, "ALTER TABLE audit_head RENAME TO audit_head_away")
        with pytest.raises(psycopg.errors.UndefinedTable):
            await close_chain(
                still_open, "intake", three_days.signer, loss, at=three_days.clock.now(), new_id=new_uuid7
            )
        await as_owner(three_days, "ALTER TABLE audit_head_away RENAME TO audit_head")
        assert (await close(three_days)).position == 26


async def test_where_even_the_chain_is_lost_the_operator_names_it(three_days: Chain) -> None:
    told = await three_days.told()
    await as_owner(three_days, "DELETE FROM audit", "DELETE FROM audit_days", "DELETE FROM audit_head")
    with pytest.raises(NotClosedError, match="name the chain"):
        await close(three_days)
    closing = await close(three_days, lost_to=30, chain_id=told[0].chain_id)
    assert (closing.position, closing.lost_to, closing.chain_id) == (0, 30, told[0].chain_id)
    await three_days.seal()
    assert three_days.check(await three_days.export(), told).problems == []


async def test_a_chain_may_be_lost_again(three_days: Chain) -> None:
    await as_owner(three_days, "DELETE FROM audit WHERE position > 26")
    first = await close(three_days)
    await three_days.write(9)
    three_days.sealer = three_days.new_sealer()
    await three_days.seal_next_day()
    await three_days.write(3)
    await three_days.seal()
    await as_owner(three_days, "DELETE FROM audit WHERE position > 38")
    second = await close(three_days)
    assert second.chain_id == first.next_chain
    await three_days.write(3)
    await three_days.seal()
    report = three_days.check(await three_days.export(), await three_days.told())
    assert report.problems == []
    assert [each for each, _ in report.closings] == [first, second]


async def test_nothing_is_closed_where_nothing_is_missing(three_days: Chain) -> None:
    with pytest.raises(NotClosedError, match="nothing is missing"):
        await close(three_days)
    with pytest.raises(NotClosedError, match="nothing is missing"):
        await close(three_days, lost_to=29)


async def test_nothing_is_closed_while_a_sealer_is_at_work(three_days: Chain) -> None:
    async with await connect(three_days.url) as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtext('slrt-audit-sealer'))")
        with pytest.raises(NotClosedError, match="sealer"):
            await close(three_days, lost_to=40)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET entry = replace(entry, 'coordinator-1', 'somebody-else') WHERE position = 7",
        "UPDATE audit SET link = sha256('x') WHERE position = 18",
        "UPDATE audit_days SET signature = sha512('x')",
        "UPDATE audit_head SET signature = sha512('x')",
    ],
)
async def test_what_was_altered_is_not_closed_over(three_days: Chain, statement: str) -> None:
    await as_owner(three_days, statement, "DELETE FROM audit WHERE position > 26")
    with pytest.raises(NotClosedError, match="no loss"):
        await close(three_days)
    async with three_days.database.read() as session:
        assert await session.values("SELECT 1 FROM audit_closings") == []


async def test_ranges_of_days_have_the_end_where_they_go_over_it(three_days: Chain) -> None:
    await as_owner(three_days, "DELETE FROM audit WHERE position > 26")
    closing = await close(three_days)
    three_days.sealer = three_days.new_sealer()
    for _ in range(2):
        await three_days.write(4)
        await three_days.seal_next_day()
    days = [each.day for each in await three_days.told()]
    assert len(days) == 4
    for chosen, closings in (
        (Range(since=days[1]), [closing]),
        (Range(since=days[2]), [closing]),
        (Range(since=days[3]), []),
        (Range(until=days[2]), []),
        (Range(until=days[3]), [closing]),
        (Range(since=days[1], until=days[2]), []),
    ):
        report = three_days.check(await three_days.export(chosen))
        assert (chosen, report.problems) == (chosen, [])
        assert (chosen, [each for each, _ in report.closings]) == (chosen, closings)


@pytest.fixture
async def closed(three_days: Chain) -> tuple[Chain, list[bytes], int]:
    """A sound export that goes over an end, and the line of it."""
    await as_owner(three_days, "DELETE FROM audit WHERE position > 26")
    await close(three_days)
    three_days.sealer = three_days.new_sealer()
    await three_days.write(6)
    await three_days.seal_next_day()
    lines = await three_days.export()
    (index,) = [number for number, line in enumerate(lines) if line.startswith(b'{"closing"')]
    return three_days, lines, index


@pytest.mark.parametrize("tamper", OF_ENDS)
async def test_a_tampered_end_is_found(closed: tuple[Chain, list[bytes], int], tamper: EndKind) -> None:
    audited, lines, index = closed
    assert audited.check(lines).is_sound
    assert not audited.check(tamper(lines, index)).is_sound


async def test_the_new_chain_alone_is_told_to_follow_another(closed: tuple[Chain, list[bytes], int]) -> None:
    audited, lines, index = closed
    report = audited.check(new_chain_alone(lines, index))
    assert [problem.what for problem in report.problems] == [
        "the chain follows one that was closed, and the statement of that is missing"
    ]


Tamper = Callable[[Chain], Awaitable[None]]


async def drop_the_end(audited: Chain) -> None:
    await as_owner(audited, "DELETE FROM audit_closings")


async def begin_anew(audited: Chain) -> None:
    """The old chain is thrown away, and a sealer begins another without anybody's word."""
    await as_owner(
        audited, "DELETE FROM audit", "DELETE FROM audit_days", "DELETE FROM audit_head", "DELETE FROM audit_closings"
    )
    await audited.write(3)
    await audited.seal()


@pytest.mark.parametrize("tamper", [drop_the_end, begin_anew])
async def test_an_end_that_is_removed_from_the_database_is_found(
    closed: tuple[Chain, list[bytes], int], tamper: Tamper
) -> None:
    audited, _, _ = closed
    told = await audited.told()
    await tamper(audited)
    assert not audited.check(await audited.export(), told).is_sound


async def test_an_entry_before_the_end_whose_day_was_never_closed_cannot_be_proved(
    closed: tuple[Chain, list[bytes], int],
) -> None:
    _, lines, _ = closed
    with pytest.raises(ProofError, match="not closed"):
        prove(lines, 25)


def test_heads_of_first_chains_are_the_bytes_that_they_were() -> None:
    head = Head(
        service="intake",
        chain_id=UUID(int=1),
        position=0,
        link=bytes(32),
        open_day=date(2026, 7, 1),
        day_first=1,
        days=0,
        last_day=bytes(32),
    )
    assert b"base" not in head.encode("k")
    assert Head.of(orjson.loads(head.encode("k"))) == head
