"""The trees are those of RFC 6962, and a path proves its own leaf and no other."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.audit.chain import EMPTY_ROOT, Tree, genesis, leaf_of, link, node_of, path_of, root_by_path, root_of

LINKS = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


def by_definition(links: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not links:
        return sha256(b"").digest()
    if len(links) == 1:
        return sha256(b"\x00" + links[0]).digest()
    split = 1
    while split * 2 < len(links):
        split *= 2
    return sha256(b"\x01" + by_definition(links[:split]) + by_definition(links[split:])).digest()


def test_the_root_of_nothing_and_the_known_answers_of_the_rfc_s_own_implementation() -> None:
    # Certificate Transparency's reference vectors, leaves given as data: "" and 0x00.
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_of(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    both = node_of(leaf_of(b""), leaf_of(b"\x00"))
    assert both.hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"


@given(LINKS)
def test_a_root_is_the_one_of_the_definition(links: list[bytes]) -> None:
    assert root_of(links) == by_definition(links)


@given(LINKS, st.lists(st.integers(1, 40), max_size=8))
def test_it_does_not_matter_in_which_lots_they_come(links: list[bytes], lots: list[int]) -> None:
    tree, rest = Tree(), list(links)
    for lot in lots:
        tree.add(rest[:lot])
        rest = rest[lot:]
    tree.add(rest)
    assert (tree.root(), tree.size) == (by_definition(links), len(links))


@given(LINKS, st.data())
def test_a_path_leads_its_leaf_to_the_root_and_nothing_else(links: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(links) - 1))
    path = path_of(links, index)
    assert root_by_path(links[index], index=index, size=len(links), path=path) == root_of(links)
    assert root_by_path(links[index][::-1] + b"x", index=index, size=len(links), path=path) != root_of(links)
    assert root_by_path(links[index], index=index, size=len(links), path=[*path, bytes(32)]) is None
    if path:
        assert root_by_path(links[index], index=index, size=len(links), path=path[:-1]) is None


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_place_that_there_is_not_has_no_root(index: int, size: int) -> None:
    assert root_by_path(bytes(32), index=index, size=size, path=[]) is None


def test_links_leaves_and_nodes_of_the_same_bytes_differ() -> None:
    one, other = bytes(32), b"\x01" * 32
    assert len({link(one, other), leaf_of(one + other), node_of(one, other)}) == 3


def test_chains_of_different_services_begin_differently() -> None:
    from uuid import UUID

    assert genesis("intake", UUID(int=1)) != genesis("registry", UUID(int=1)) != genesis("registry", UUID(int=2))
