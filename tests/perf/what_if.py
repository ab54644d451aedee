"""How long it takes to try a draft on the past 90 days of 100,000 cases, with their referrals and deadlines."""

import asyncio
import resource
import time
from collections.abc import Mapping

import psycopg
from tests.perf.stack import Bench

from slrt_intake.app import PACKAGE as INTAKE
from slrt_kit.access import Scope
from slrt_kit.db import Database
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.what_if.deadlines import CASES, DeadlineReplay
from slrt_kit.policy.what_if.running import Answer, Question, Replays, what_if
from slrt_referral.app import PACKAGE as REFERRAL
from slrt_referral.app import build_replays

SIZE, GOAL_S = 100_000, 60
_ID = "CAST(lpad(to_hex(n + {first}), 32, '0') AS uuid)"
_BEGAN = "now() - (7 + n % 83) * interval '1 day' - (n % 1440) * interval '1 minute'"
_CASES = f"""
    INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                       has_subject, registered_by, registered_at, key_id)
    SELECT {_ID.format(first=0x50000000)}, 1, 1, 'what-if-' || n, 'in_handling', 'facilitator',
           '12.74.0' || 1 + n % 5 || '.1001', n % 10 = 0, false, 'kader-9001', {_BEGAN}, 1
    FROM generate_series(1, {SIZE}) AS n
    """
# Four steps of a case, two of a referral; every seventh is still open at its last one, and some were paused.
_CLOCKS = """
    INSERT INTO clocks (clock_id, version, subject_kind, subject_id, case_id, region, step, owner_kind, owner,
                        sla_class, calendar_id, policy_version, state, started_at, due_at, takes, stopped_at, pauses,
                        next_step)
    SELECT gen_random_uuid(), 1, '{kind}', id, id, region, step, 'role', 'back_office', class, 'office', '00:1',
           CASE WHEN is_open THEN 'running' ELSE 'stopped' END, began, began + interval '3 days', interval '3 days',
           CASE WHEN NOT is_open THEN began + (n % 9) * interval '1 day' END,
           CASE WHEN n % 20 = 0 THEN jsonb_build_array(jsonb_build_object('since', began, 'until',
               began + interval '1 day', 'reason', 'waiting_for_resident')) ELSE '[]' END, 1
    FROM (SELECT n, {id} AS id, '12.74.0' || 1 + n % 5{village} AS region, s.step, s.class,
                 {began} + s.place * interval '2 days' AS began, s.place = {last} AND n % 7 = 0 AS is_open
          FROM generate_series(1, {size}) AS n, (VALUES {steps}) AS s(place, step, class)) AS made
    """
_OF_CASES = _CLOCKS.format(
    kind="case",
    id=_ID.format(first=0x50000000),
    village=" || '.1001'",
    began=_BEGAN,
    size=SIZE,
    last=3,
    steps="(0, 'registered', 'verification'), (1, 'screening', 'follow-up'), (2, 'in_handling', 'follow-up'), "
    "(3, 'decided', 'standard')",
)
_OF_REFERRALS = _CLOCKS.format(
    kind="referral",
    id=_ID.format(first=0x60000000),
    village="",
    began=_BEGAN,
    size=SIZE,
    last=1,
    steps="(0, 'sent', 'owner-acceptance'), (1, 'accepted', 'owner-feedback')",
)
_REFERRALS = f"""
    INSERT INTO referrals (referral_id, version, event_sequence, case_id, need_id, need_code, function_code,
                           office_code, district_code, urgent, routing_rule, policy_version, status, waiting_on,
                           reroute_count, created_at, attributes, routed_in)
    SELECT {_ID.format(first=0x60000000)}, 1, 1, gen_random_uuid(), gen_random_uuid(), need, 'PUPR', '12.74.PUPR',
           '12.74.0' || 1 + n % 5, n % 10 = 0, 'road-unknown-owner', '00:1,12:1,12.74:1', 'accepted', '{{}}', 0,
           {_BEGAN},
           CASE need WHEN 'JALAN' THEN jsonb_build_object('centre_line', (ARRAY['white', 'yellow'])[1 + n % 2])
                ELSE '{{}}' END, '12.74.0' || 1 + n % 5
    FROM (SELECT n, (ARRAY['JALAN', 'ADMINDUK', 'PIP', 'PBI-JK', 'LAINNYA'])[1 + n % 5] AS need
          FROM generate_series(1, {SIZE}) AS n) AS made
    """
_HOLDINGS = f"""
    INSERT INTO holdings (held_id, sequence, holder, office_code, district_code, since, until)
    SELECT {_ID.format(first=0x60000000)}, 1, 'office', '12.74.PUPR', '12.74.05', {_BEGAN}, now()
    FROM generate_series(1, {SIZE}) AS n
    """


def measure(bench: Bench) -> None:
    """Seconds for both services together, with the services stopped: 600,000 deadlines and 100,000 routes."""
    bench.stop_services()
    intake, referral = bench.database_of("intake"), bench.database_of("referral")
    _fill(intake, _CASES, _OF_CASES)
    _fill(referral, _REFERRALS, _OF_REFERRALS, _HOLDINGS)
    took, ours, judged = bench.measured(lambda: _compare(intake, referral))
    if judged != 7 * SIZE:
        raise RuntimeError(f"{judged:,} were judged, and {7 * SIZE:,} made")
    row = f"what-if-{SIZE // 1000}k"
    bench.add(row, took, "s", anchor=("of it our processor", ours), goal=f"< {GOAL_S} s", met=took < GOAL_S)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bench.add("what-if-memory", peak, "MiB at most", anchor=("limit", 512), goal="< 512 MiB", met=peak < 512)


def _fill(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE clocks CASCADE")
        for statement in statements:
            connection.execute(statement)
        connection.execute("ANALYZE")


def _compare(intake: str, referral: str) -> tuple[float, float, int]:
    began, used = time.perf_counter(), time.process_time()
    judged = 0
    for service, package, url, replays in (
        ("intake", INTAKE, intake, [lambda c, t: DeadlineReplay(c, t, subjects=CASES)]),
        ("referral", REFERRAL, referral, build_replays()),
    ):
        rules = PolicyRules.of(service)
        draft = dict(packaged_documents(package, rules)["00"])
        draft["sla"] = draft["sla"].replace("working_days: 3", "working_days: 2")
        if "routing" in draft:
            draft["routing"] += (
                "  what-if-road:\n    need: JALAN\n    when: urgent\n"
                "    to: {function: PERKIM, level: regency}\n    priority: 90\n"
            )
        judged += asyncio.run(_ask(url, rules, {"00": draft}, replays)).tally.judged
    return time.perf_counter() - began, time.process_time() - used, judged


async def _ask(url: str, rules: PolicyRules, drafts: Mapping[str, Mapping[str, str]], replays: Replays) -> Answer:
    database = Database(url, pool_size=1)
    try:
        question = Question(drafts=drafts, versions={}, scope=Scope(everywhere=True), days=91)
        return await what_if(database, rules, question, replays=replays)
    finally:
        await database.close()
