"""Whatever can be told of a look, its resident reads in plain words of both languages."""

from collections.abc import Mapping

import pytest

from slrt_contracts.codes import Code, LookAction, LookerRole, LookObject, LookPurpose
from slrt_intake.api.looks_wording import ACTIONS, OBJECTS, PURPOSES, ROLES
from slrt_kit.problems import Text


@pytest.mark.parametrize(
    ("codes", "words"),
    [(LookAction, ACTIONS), (LookObject, OBJECTS), (LookPurpose, PURPOSES), (LookerRole, ROLES)],
    ids=["actions", "objects", "purposes", "roles"],
)
def test_every_code_has_words(codes: type[Code], words: Mapping[str, Text]) -> None:
    assert set(words) == set(codes)
    assert all(text.id and text.en for text in words.values())
