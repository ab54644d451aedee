"""The kinds letters and letterheads: what is found wrong with them, each with the place where it is."""

from datetime import date
from pathlib import Path

import pytest

import slrt_intake
from slrt_intake.domain.letter import LetterTerms
from slrt_kit.policy.letters.wording import filled, letter_number
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules

PACKAGE = Path(slrt_intake.__file__).parent
LETTERS = (PACKAGE / "policy" / "00" / "letters.yaml").read_text(encoding="utf-8")
HEADS = (PACKAGE / "policy" / "00" / "letterheads.yaml").read_text(encoding="utf-8")
STATEMENT = "number: 400.9.14/{number}/{office}/{roman_month}/{year}"


def found(*, letters: str = LETTERS, heads: str = HEADS) -> set[str]:
    """The codes of what is wrong with these at the top, and all else as the package has it."""
    rules = PolicyRules.of("intake")
    documents = packaged_documents("slrt_intake", rules)
    top = documents["00"] | {"letters": letters, "letterheads": heads}
    return {each.code for each in rules.findings(rules.layers({"00": (1, top)}))}


def changed(old: str, new: str) -> str:
    assert old in LETTERS
    return LETTERS.replace(old, new, 1)


def test_nothing_is_wrong_with_the_letters_of_the_package() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("pada desil {decile}", "pada desil {desil}", "unknown-field"),
        ("pada desil {decile}", "pada desil {decile.__class__}", "unknown-field"),
        ("pada desil {decile}", "pada desil {decile!r}", "unknown-field"),
        ("pada desil {decile}", "pada desil {decile:>99999999}", "unknown-field"),
        ("pada desil {decile}", "pada desil {decile", "unknown-field"),
        ("pada desil {decile}", "pada desil {{decile}}", "unknown-field"),
        ("en: Statement of registration in DTSEN}", "de: Bescheid}", "missing-translation"),
        (STATEMENT, "number: 400.9.14/{office}/{year}", "number-without-count"),
        (STATEMENT, "number: 400.9.14/{number}/{office}", "number-without-year"),
        ("{office}-{village_code}/{roman_month}", "{office}/{roman_month}", "number-without-village-code"),
        (STATEMENT, "number: 400.9.14/{number}/{name}/{year}", "unknown-field"),
        ("initials: [manager, head_of_division]", "initials: [front_office]", "role-may-not"),
        ("signer: head_of_office", "signer: facilitator", "role-may-not"),
        ("signer: head_of_office", "signer: coordinator", "signs-for-another-office"),
        ("signer: head_of_office", "signer: manager", "signs-twice"),
        ("documents: [identity-card, family-card]", "documents: [passport]", "unknown-code"),
        ("needs: [PBI-JK]", "needs: [PBI-XX]", "unknown-code"),
        ("shows: [village, district, regency]", "shows: [village, nik]", "field-without-person"),
        ("shows: [village, district, regency]", "shows: [village, agama]", "unknown-code"),
        ("        max: 10\n", "        max: 10\n        options: [a, b]\n", "options-do-not-fit"),
        ("        min: 1\n        max: 10\n", "        min: 11\n        max: 10\n", "bounds-do-not-fit"),
        ("      purpose:\n", "      nik:\n", "reserved-name"),
        ("valid_months: 3", "valid_months: 3\n    valid_days: 9", "two-validities"),
        ("    valid_months: 3\n", "", "without-end"),
        ("series: letters", "series: others", "same-number-twice"),
        ("  dtsen-statement:", "  Surat:", "wrong-value"),
    ],
)
def test_each_mistake_in_a_letter_is_found(old: str, new: str, code: str) -> None:
    assert code in found(letters=changed(old, new))


def test_a_letterhead_names_places_and_nothing_of_a_person() -> None:
    assert found(heads=HEADS.replace("Kecamatan {district}", "Kecamatan {name}")) == {"unknown-field"}
    assert "unknown-code" in found(heads=HEADS.replace("  village:", "  hamlet:"))


def test_a_letter_of_a_role_that_a_region_has_not_is_found_there() -> None:
    rules = PolicyRules.of("intake")
    documents = packaged_documents("slrt_intake", rules)
    own = {"roles": "entries:\n  head_of_division: {removed: true}\n"}
    findings = rules.findings(rules.layers({"00": (1, documents["00"]), "34.04": (1, own)}))
    assert "role-not-here" in {each.code for each in findings}


def test_a_value_is_put_in_once_and_never_read_again() -> None:
    assert filled("{name}, {nik}", {"name": "{nik}", "nik": "{name}"}) == "{nik}, {name}"


def test_a_number_has_its_parts_by_the_local_day() -> None:
    pattern = "400.9/{number}/{office}-{village_code}/{roman_month}/{month}/{year}"
    said = letter_number(pattern, number=7, digits=3, office="PKS", village_code="12.74.03.1002", month=9, year=2026)
    assert said == "400.9/007/PKS-1274031002/IX/09/2026"


@pytest.mark.parametrize(
    ("days", "months", "first", "last"),
    [
        (1, None, date(2026, 11, 23), date(2026, 11, 23)),
        (30, None, date(2026, 12, 31), date(2027, 1, 29)),
        (None, 1, date(2027, 1, 31), date(2027, 2, 28)),
        (None, 14, date(2026, 12, 15), date(2028, 2, 15)),
        (None, None, date(2026, 11, 23), None),
    ],
)
def test_a_letter_holds_for_days_or_for_months(
    days: int | None, months: int | None, first: date, last: date | None
) -> None:
    terms = LetterTerms(
        issued_by="regency",
        number="{number}",
        digits=1,
        series="a",
        office_mark="X",
        initials=[],
        signer="manager",
        valid_days=days,
        valid_months=months,
    )
    assert terms.last_day(first) == last
