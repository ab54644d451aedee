"""Layers merge as a plain dictionary would: fields over fields, entries added, entries taken away."""

import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.policy.layers import above
from slrt_kit.policy.rules import PolicyRules

RULES = PolicyRules.of("intake")
CHAIN = ("00", "12", "12.74", "12.74.05")
FIELDS = {
    "label": st.fixed_dictionaries({"id": st.sampled_from("abc"), "en": st.sampled_from("abc")}),
    "parent": st.sampled_from(["x", "y"]),
    "need": st.sampled_from(["JALAN", "BPBL"]),
    "synonyms": st.lists(st.sampled_from(["jalan rusak", "yes", "12.74", "null"]), unique=True),
}
ENTRY = st.just({"removed": True}) | st.fixed_dictionaries({}, optional=FIELDS)
LAYER = st.dictionaries(st.sampled_from(["x", "y", "z"]), ENTRY)


def text_of(entries: dict[str, Any]) -> str:
    # Through JSON: of what stands twice in memory PyYAML would make an anchor.
    return yaml.safe_dump({"entries": json.loads(json.dumps(entries))}, sort_keys=False)


def naive(layers: dict[str, dict[str, Any]], region: str) -> dict[str, dict[str, Any]]:
    below = {} if region == "00" else naive(layers, above(region))
    for key, fields in layers.get(region, {}).items():
        if fields.get("removed"):
            below.pop(key, None)
        else:
            below[key] = below.get(key, {}) | fields
    return below


@given(st.dictionaries(st.sampled_from(CHAIN), LAYER), st.sampled_from(CHAIN))
def test_the_merge_of_layers_is_that_of_a_naive_model(layers: dict[str, dict[str, Any]], region: str) -> None:
    texts = {code: (n, {"taxonomy": text_of(each)}) for n, (code, each) in enumerate(layers.items(), start=1)}
    read = RULES.layers(texts)
    policy = read.policy(region)
    assert {key: dict(each.fields) for key, each in policy.entries("taxonomy").items()} == naive(layers, region)
    named = [code for code in CHAIN[: CHAIN.index(region) + 1] if code in layers]
    assert policy.version == ",".join(f"{code}:{texts[code][0]}" for code in named)


@given(st.dictionaries(st.sampled_from(CHAIN), LAYER))
def test_every_value_knows_the_layer_that_stated_it(layers: dict[str, dict[str, Any]]) -> None:
    texts = {code: (1, {"taxonomy": text_of(each)}) for code, each in layers.items()}
    for key, entry in RULES.layers(texts).policy(CHAIN[-1]).entries("taxonomy").items():
        for field in entry.fields:
            stating = [code for code in CHAIN if field in layers.get(code, {}).get(key, {})]
            assert entry.place(field).file == f"{stating[-1]}/taxonomy.yaml"
