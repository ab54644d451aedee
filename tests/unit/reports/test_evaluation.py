"""Whole sets of messages of many senders: what is still read otherwise is named, and nothing else is."""

import pytest
from tests.unit.reports.evaluation import FIELDS, Judgement, judge, messages

from slrt_intake.reports import ReportParser

KNOWN = {
    # A sender who writes no label before the own name; and "reaktivasi" of what only the complaint names.
    "dev": {("g000", "facilitator"), ("g004", "service_codes"), ("g004", "need_sectors")},
    "held_out": set(),
    # A remark under a quoted message, without an empty line between.
    "third": {("z050", "service_requested")},
    "fourth": set(),
}


@pytest.fixture(scope="module", params=list(KNOWN))
def judged(request: pytest.FixtureRequest, parser: ReportParser) -> tuple[str, Judgement]:
    return request.param, judge(request.param, parser)


def test_what_is_read_otherwise_is_what_is_known(judged: tuple[str, Judgement]) -> None:
    name, found = judged
    assert {(message, field) for message, field, *_ in found.wrong} == KNOWN[name]


def test_every_field_is_judged_in_every_set(judged: tuple[str, Judgement]) -> None:
    _, found = judged
    assert set(found.total) == set(FIELDS)
    assert min(found.total.values()) >= 9


def test_the_judge_sees_a_report_that_was_not_found_and_one_too_many(parser: ReportParser) -> None:
    from tests.unit.reports import evaluation

    text = "Nama Klien: Mawar\nPengaduan: rumah bocor\nLayanan: RTLH"
    cases = [
        {"id": "lost", "kind": "report", "text": "halo", "expected": [{"client_name": "Mawar"}]},
        {"id": "found", "kind": "other", "text": text, "expected": []},
        {"id": "otherwise", "kind": "report", "text": text, "expected": [{"client_name": "Melati"}]},
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "messages", lambda _: cases)
        found = judge("any", parser)
    assert ("lost", "reports", 1, 0) in found.wrong
    assert sum(mistake[0] == "lost" for mistake in found.wrong) == 1 + len(FIELDS)
    assert ("found", "reports", 0, 1) in found.wrong
    assert ("otherwise", "client_name", "Melati", "Mawar") in found.wrong
    assert ("otherwise", "service_codes", [], ["RUTILAHU"]) in found.wrong


def test_no_message_stands_in_two_sets() -> None:
    texts = [message["text"] for name in KNOWN for message in messages(name)]
    assert len(texts) == len(set(texts)) == 266
