"""Every process knows what is in force, switches at the instant, and goes on without its database."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from tests.integration.policy.conftest import Desk, office, offices

from slrt_kit import metrics
from slrt_kit.db import Database
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.changes import LEAD
from slrt_kit.policy.problems import PolicyUnknownError
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.problems import NotFoundError
from slrt_kit.testing import FaultProxy, FixedClock, eventually, running

CENTRE = offices(office("00.SLRT", functions="SLRT"))
SECOND = offices(office("00.SLRT", functions="SLRT"), office("00.PMD", functions="PMD"))
REGENCY = offices(office("12.74.SOSIAL"))


async def test_a_book_that_has_read_nothing_says_so(desk: Desk, fixed_clock: FixedClock) -> None:
    book = PolicyBook(desk.rules, desk.database)
    with pytest.raises(PolicyUnknownError):
        book.at("12.74", fixed_clock.now())
    await book.refresh()
    with pytest.raises(PolicyUnknownError):
        book.at("12.74", fixed_clock.now())


async def test_a_region_goes_by_all_its_layers_and_switches_at_the_instant(desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.put_into_force("00", CENTRE)
    fixed_clock.move(minutes=1)
    await desk.put_into_force("12.74", REGENCY)
    fixed_clock.move(minutes=1)
    book = PolicyBook(desk.rules, desk.database)
    await book.refresh()
    switch = fixed_clock.now() + timedelta(days=3)
    await desk.put_into_force("00", SECOND, effective_from=switch)
    assert await book.refresh()
    assert not await book.refresh()
    assert book.at("12.74.05", switch - timedelta(microseconds=1)).version == "00:1,12.74:1"
    assert book.at("12.74.05", switch).version == "00:2,12.74:1"
    assert book.at("34.04", switch).version == "00:2"
    assert list(book.at("12.74", switch).entries("offices")) == ["00.SLRT", "00.PMD", "12.74.SOSIAL"]
    assert book.layers(switch) == ("00", "12.74")


async def test_a_policy_that_a_decision_names_is_made_again(desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.put_into_force("00", CENTRE)
    fixed_clock.move(minutes=1)
    await desk.put_into_force("12.74", REGENCY)
    fixed_clock.move(minutes=1)
    await desk.put_into_force("00", SECOND)
    fixed_clock.move(minutes=1)
    book = PolicyBook(desk.rules, desk.database)
    await book.refresh()
    old = await book.version("00:1,12.74:1")
    assert (old.region, list(old.entries("offices"))) == ("12.74", ["00.SLRT", "12.74.SOSIAL"])
    for unknown in ("00:9", "12.74", "x:y"):
        with pytest.raises(NotFoundError):
            await book.version(unknown)


async def test_while_the_database_is_away_the_book_goes_on_with_what_it_knows(
    desk: Desk, policy_url: str, policy_rules: PolicyRules, fixed_clock: FixedClock
) -> None:
    await desk.put_into_force("00", CENTRE)
    fixed_clock.move(minutes=1)
    planned = fixed_clock.now() + timedelta(hours=1)
    await desk.put_into_force("00", SECOND, effective_from=planned)
    where = urlsplit(policy_url)
    async with FaultProxy(f"{where.hostname}:{where.port}") as proxy:
        through = Database(policy_url.replace(f"{where.hostname}:{where.port}", proxy.address), clock=fixed_clock)
        book = PolicyBook(policy_rules, through)
        failures = metrics.POLICY_REFRESH_FAILURES
        async with running(book.run):
            await eventually(lambda: _is_known(book, fixed_clock), what="the book was read")
            failed = failures._value.get()
            await proxy.refuse()
            await eventually(lambda: failures._value.get() > failed, what="the loss is counted")
            assert book.at("12.74", fixed_clock.now()).version == "00:1"
            assert book.at("12.74", planned).version == "00:2"
            await proxy.heal()
            third = offices(office("00.SLRT", functions="SLRT"), office("00.P3A", functions="P3A"))
            at = planned + LEAD
            await desk.put_into_force("00", third, effective_from=at)
            await eventually(lambda: book.at("00", at).version == "00:3", what="the book is read again")
        await through.close()


def _is_known(book: PolicyBook, clock: FixedClock) -> bool:
    try:
        return bool(book.at("00", clock.now()))
    except PolicyUnknownError:
        return False
