"""Which documents a case asks for, and which of them its files show."""

from slrt_intake.usecases.papers import checklist
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules

RULES = PolicyRules.of("intake")
DOCUMENTS = (
    RULES.layers({code: (1, each) for code, each in packaged_documents("slrt_intake", RULES).items()})
    .policy("00")
    .entries("documents")
)


def test_a_document_is_asked_once_for_all_needs_of_a_case() -> None:
    asked = {each.code: each.needs for each in checklist(["PKH", "PIP"], DOCUMENTS, ())}
    assert asked["family-card"] == ("PIP", "PKH")
    assert asked["school-card"] == ("PIP",)
    assert "land-letter" not in asked


def test_a_file_shows_its_document_and_the_one_that_it_will_do_for() -> None:
    def there(*classes: str) -> dict[str, bool]:
        return {each.code: each.there for each in checklist(["PKH"], DOCUMENTS, classes)}

    assert there() == {"identity-card": False, "family-card": False}
    assert there("family_card") == {"identity-card": True, "family-card": True}
    assert there("id_card") == {"identity-card": True, "family-card": False}


def test_a_need_that_asks_for_nothing_has_an_empty_list() -> None:
    assert checklist(["JALAN"], DOCUMENTS, ("id_card",)) == []
