"""How a projection's new table takes the place of the old one: the same but for its rows, or not at all."""

import asyncio
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from tests.integration.kit.tally import Habits, Tally, case_of, id_of

from slrt_kit.messaging.handlers import ProjectionTable
from slrt_kit.operate import projections
from slrt_kit.operate.console import RefusedError
from slrt_kit.operate.replay import WritesElsewhereError
from slrt_kit.testing import eventually

# -- the same table in all but its rows ---------------------------------------------------------------------------

_DEFINITION = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'tally'::regclass ORDER BY 1",
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'tally' ORDER BY 1",
    "SELECT attname, atttypid::regtype::text, attnotnull, attgenerated, attacl::text FROM pg_attribute "
    "WHERE attrelid = 'tally'::regclass AND attnum > 0 ORDER BY attnum",
    "SELECT grantee::regrole::text, privilege_type, is_grantable FROM pg_class, aclexplode(relacl) "
    "WHERE oid = 'tally'::regclass ORDER BY 1, 2",
    "SELECT reloptions, relowner::regrole::text, relpersistence FROM pg_class WHERE oid = 'tally'::regclass",
    "SELECT adrelid::regclass::text, pg_get_expr(adbin, adrelid) FROM pg_attrdef "
    "WHERE adrelid = 'tally'::regclass ORDER BY adnum",
)


async def test_columns_constraints_indexes_options_and_rights_are_the_same_afterwards(tally: Tally) -> None:
    def definition() -> list[Any]:
        return [tally.rows.all(query) for query in _DEFINITION]

    await tally.tell_and_hear(3)
    # What this role gives to others by default must not come on top.
    tally.rows.run("ALTER DEFAULT PRIVILEGES GRANT DELETE ON TABLES TO slrt_notification")
    before, oid = definition(), tally.rows.one("SELECT 'tally'::regclass::oid")
    assert all(before)
    for _ in range(2):
        await tally.rebuild()
    assert definition() == before
    assert tally.rows.one("SELECT 'tally'::regclass::oid") != oid


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("CREATE VIEW watched AS SELECT event_id FROM tally", "view watched"),
        ("CREATE TABLE notes (event_id uuid REFERENCES tally)", "table notes"),
        ("ALTER TABLE tally ADD COLUMN effect uuid REFERENCES tally", "tally_effect_fkey"),
        ("ALTER TABLE tally ADD COLUMN counted serial", "numbers of the column counted"),
        ("ALTER TABLE tally ADD COLUMN counted bigint GENERATED ALWAYS AS IDENTITY", "numbers of the column counted"),
        ("CREATE STATISTICS fine ON case_id, urgent FROM tally", "statistics fine"),
        ("ALTER TABLE tally DROP CONSTRAINT tally_of_events", "no primary key"),
        ("ALTER TABLE tally SET UNLOGGED", "no ordinary table"),
        ("ALTER TABLE tally RENAME TO tallies", "there is no table"),
        ("CREATE SCHEMA rebuild_tally", "no rebuild has made"),
    ],
)
async def test_a_table_that_another_cannot_stand_in_for_is_refused(tally: Tally, statement: str, says: str) -> None:
    tally.rows.run(statement)
    schemas = tally.schemas()
    with pytest.raises(RefusedError, match=says):
        await tally.rebuild()
    assert tally.schemas() == schemas


@pytest.mark.parametrize("name", ["", "Tally", "tally; DROP", 'tal"ly', "1st", "t" * 60])
def test_a_projection_names_its_table_and_columns_plainly(name: str) -> None:
    with pytest.raises(ValueError, match="no plain name"):
        ProjectionTable(name=name)
    with pytest.raises(ValueError, match="no plain name"):
        ProjectionTable(name="tally", event_id=name)


# -- two at once, and one that dies -------------------------------------------------------------------------------


async def test_of_two_rebuilds_at_once_the_second_is_refused(tally: Tally, database_url: str) -> None:
    await tally.tell_and_hear(2)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('slrt-rebuild_tally'))")
        with pytest.raises(RefusedError, match="under way already"):
            await tally.rebuild()
    assert (await tally.rebuild()).writers_waited is not None


async def test_a_rebuild_that_dies_half_way_leaves_a_schema_which_the_next_one_drops(tally: Tally) -> None:
    await tally.tell_and_hear(3)
    before = tally.digest()
    tally.habits.also = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(psycopg.OperationalError):
        await tally.rebuild()
    assert (tally.digest(), tally.schemas()) == (before, ["rebuild_tally"])
    tally.habits.also = ""
    assert (await tally.rebuild()).comparison.equal
    assert tally.schemas() == []


async def test_a_rebuild_whose_shadow_was_taken_away_does_not_write_to_the_table_itself(tally: Tally) -> None:
    await tally.tell_and_hear(3)
    before = tally.digest()
    projection = tally.projection

    async def sabotage(events: Any, work: Any) -> None:
        await work.connection.run("DROP TABLE rebuild_tally.tally")
        await projection.apply(events, work)

    with pytest.raises(WritesElsewhereError, match="tally"):
        await tally.rebuild(projection=replace(projection, apply=sabotage))
    assert tally.digest() == before


# -- others who hold the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["SELECT count(*) FROM tally", "LOCK TABLE inbox IN ROW EXCLUSIVE MODE"])
async def test_while_somebody_holds_the_table_it_stays_and_others_get_through(
    tally: Tally, database_url: str, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    monkeypatch.setattr(projections, "_TRY_FOR_S", 1.0)
    await tally.tell_and_hear(3)
    before = tally.digest()
    with psycopg.connect(database_url) as holder:
        holder.execute(statement)
        with pytest.raises(RefusedError, match="no moment to replace"):
            await tally.rebuild()
    assert (tally.digest(), tally.schemas()) == (before, [])
    assert (await tally.rebuild()).writers_waited is not None


async def test_who_began_to_look_before_the_last_rows_came_is_waited_for(
    tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot of before would find the new table without them."""
    await tally.tell_and_hear(3)
    tried: list[bool] = []
    try_to_replace = projections._Rebuild._try_to_replace

    async def count_tries(self: Any, *arguments: Any) -> float:
        tried.append(True)
        return await try_to_replace(self, *arguments)

    monkeypatch.setattr(projections._Rebuild, "_try_to_replace", count_tries)
    async with tally.database.snapshot() as session:
        await session.value("SELECT count(*) FROM effects")
        late = tally.own()
        task = asyncio.create_task(tally.rebuild(hold=0.3))
        await eventually(lambda: len(tried) >= 2, what="the first attempt gave up")
        assert not task.done()
        assert await session.value("SELECT count(*) FROM tally") == 3
    await task
    assert late in tally.times()


async def test_what_the_consumer_applied_in_the_last_moment_is_made_by_the_projection_as_it_is_now(
    tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tally.tell_and_hear(3)
    (late,) = tally.events(1)
    as_it_is_now = replace(tally, habits=Habits(pass_over={case_of(late)}))
    try_to_replace = projections._Rebuild._try_to_replace

    async def hear_one_more(self: Any, *arguments: Any) -> float:
        await tally.tell(late)
        assert await tally.processor.process_batch([late])
        return await try_to_replace(self, *arguments)

    monkeypatch.setattr(projections._Rebuild, "_try_to_replace", hear_one_more)
    await as_it_is_now.rebuild()
    assert len(tally.times()) == 3
    assert id_of(late) not in tally.times()
