"""Whatever can be told of a look, its resident reads in plain words of both languages."""

from collections.abc import Mapping

import pytest

from slrt_contracts.codes import Code, LookAction, LookerRole, LookObject, LookPurpose
from slrt_intake.api.looks_wording import (
    ACTIONS,
    BASES,
    CONSENT_STATES,
    FIELDS,
    GOES_ON,
    OBJECTS,
    PURPOSES,
    ROLES,
)
from slrt_intake.domain.consent import ConsentState
from slrt_kit.problems import Text
from slrt_kit.purposes import RESOURCES, Basis


@pytest.mark.parametrize(
    ("codes", "words"),
    [(LookAction, ACTIONS), (LookObject, OBJECTS), (LookPurpose, PURPOSES), (LookerRole, ROLES)],
    ids=["actions", "objects", "purposes", "roles"],
)
def test_every_code_has_words(codes: type[Code], words: Mapping[str, Text]) -> None:
    assert set(words) == set(codes)
    assert all(text.id and text.en for text in words.values())


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (set(Basis), BASES),
        (set(Basis) - {Basis.CONSENT}, GOES_ON),
        (set(ConsentState), CONSENT_STATES),
        (RESOURCES["case-parties"], FIELDS),
    ],
    ids=["bases", "what goes on", "states", "fields of a delivery"],
)
def test_all_that_is_told_of_consent_and_sharing_has_words(codes: set[str], words: Mapping[str, Text]) -> None:
    assert set(words) == set(codes)
    assert all(text.id and text.en for text in words.values())
