"""The policies that come with the services hold together, and say what the code does."""

import pytest

from slrt_contracts.catalogue import NEEDS, PROGRAMMES
from slrt_intake.domain.transitions import CASE_TRANSITIONS, RESOLVED
from slrt_kit.policy.layers import Layers
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.regions import Regions
from slrt_referral.domain.transitions import TRANSITIONS


def layers_of(service: str) -> Layers:
    rules = PolicyRules.of(service)
    return rules.layers({code: (1, each) for code, each in packaged_documents(f"slrt_{service}", rules).items()})


@pytest.mark.parametrize("service", ["intake", "referral"])
def test_a_packaged_policy_has_nothing_wrong(service: str) -> None:
    rules = PolicyRules.of(service, Regions.load())
    assert rules.findings(layers_of(service)) == ()


@pytest.mark.parametrize(("service", "table"), [("intake", CASE_TRANSITIONS), ("referral", TRANSITIONS)])
def test_a_packaged_workflow_says_what_the_code_does(service: str, table: dict[tuple[str, str], str]) -> None:
    states = layers_of(service).policy("00").entries("workflow")
    stated = {
        (key, action): said["to"]
        for key, each in states.items()
        for action, said in each.fields.get("actions", {}).items()
    }
    done = {(str(state), str(action)): str(to) for (state, action), to in table.items()}
    if service == "intake":
        # A decided case that waits for the resident is a step of its own there.
        done[RESOLVED, "close"] = done.pop(("decided", "close"))
        done["decided", "resolve"] = RESOLVED
    assert stated == done


def test_the_taxonomy_has_every_need_and_the_catalogue_every_programme() -> None:
    policy = layers_of("intake").policy("00")
    assert {each.fields.get("need") for each in policy.entries("taxonomy").values()} - {None} == set(NEEDS)
    assert set(policy.entries("programmes")) == set(PROGRAMMES)


def test_a_regency_calls_its_transport_by_its_own_name() -> None:
    transport = layers_of("intake").policy("34.04").entries("taxonomy")["TRANSPORT"]
    assert "Ngantar Paimah" in transport.fields["label"]["id"]
    assert transport.fields["need"] == "TRANSPORT"
    assert transport.place("label").file == "34.04/taxonomy.yaml"
    assert transport.place("need").file == "00/taxonomy.yaml"
