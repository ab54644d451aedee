"""Count with the chain and the daily trees of the audit log; pure, so that whoever checks needs nothing else.

An entry's link is SHA-256(0x02 || link before || entry's bytes); the first entry's predecessor is `genesis`. A day's
root is the Merkle tree hash of RFC 6962 section 2.1 over the links of the day: a leaf is SHA-256(0x00 || link), a node
SHA-256(0x01 || left || right), nothing at all SHA-256(""). A link, a leaf and a node can so never be taken for one
another. What is signed is a statement's exact bytes after a line that names its kind.
"""

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

LINK, LEAF, NODE = b"\x02", b"\x00", b"\x01"
SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
NO_DAY = bytes(SIZE)
"""Stands where the first day's statement names the one before it."""
HEAD, DAY, CLOSING = "head", "day", "closing"
"""The kinds of statements."""


def genesis(service: str, chain_id: UUID, follows: bytes = b"") -> bytes:
    """What the first entry of a chain is linked to: so no chain can be passed off as another's.

    ``follows`` is the digest of the statement by which the chain before was closed; empty for a service's first chain.
    """
    after = f"\n{follows.hex()}" if follows else ""
    return sha256(f"slrt-audit-v1\n{service}\n{chain_id}{after}".encode()).digest()


def link(before: bytes, entry: bytes) -> bytes:
    """The link of an entry."""
    return sha256(LINK + before + entry).digest()


def leaf_of(linked: bytes) -> bytes:
    """The leaf of a link."""
    return sha256(LEAF + linked).digest()


def node_of(left: bytes, right: bytes) -> bytes:
    """The node over two."""
    return sha256(NODE + left + right).digest()


def to_sign(kind: str, statement: bytes) -> bytes:
    """The bytes that the signature of a statement is made over."""
    return f"slrt-audit-{kind}-v1\n".encode() + statement


class Tree:
    """The Merkle tree hash of leaves that come one after another; keeps one hash for each level."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []  # of complete subtrees: (leaves, hash), the largest first

    def add(self, links: Sequence[bytes]) -> None:
        """Add the next links; quickest in lots whose size is a power of two, and each as large as those before."""
        lot = len(links)
        if lot > 1 and lot & (lot - 1) == 0 and self.size % lot == 0:
            self._push(lot, _perfect(links))
            return
        for linked in links:
            self._push(1, sha256(LEAF + linked).digest())

    def _push(self, leaves: int, found: bytes) -> None:
        self.size += leaves
        while self._peaks and self._peaks[-1][0] == leaves:
            found = sha256(NODE + self._peaks.pop()[1] + found).digest()
            leaves *= 2
        self._peaks.append((leaves, found))

    def root(self) -> bytes:
        """The root over all that was added."""
        if not self._peaks:
            return EMPTY_ROOT
        found = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            found = node_of(left, found)
        return found


def _perfect(links: Sequence[bytes]) -> bytes:
    """The root over links whose number is a power of two."""
    # A copy of a state that has the first byte is a sixth quicker than a new one.
    level, leaf, node = [], sha256(LEAF), sha256(NODE)
    for linked in links:
        state = leaf.copy()
        state.update(linked)
        level.append(state.digest())
    while len(level) > 1:
        above = []
        for left, right in zip(level[::2], level[1::2], strict=True):
            state = node.copy()
            state.update(left + right)
            above.append(state.digest())
        level = above
    return level[0]


def root_of(links: Sequence[bytes]) -> bytes:
    """The root over the links."""
    tree = Tree()
    tree.add(links)
    return tree.root()


def path_of(links: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of RFC 6962 section 2.1.1 of the link at ``index`` (from 0), the lowest node first.

    Raises:
        IndexError: there is no such link.
    """
    if not 0 <= index < len(links):
        raise IndexError(index)
    if len(links) == 1:
        return []
    split = 1 << (len(links) - 1).bit_length() - 1
    if index < split:
        return [*path_of(links[:split], index), root_of(links[split:])]
    return [*path_of(links[split:], index - split), root_of(links[:split])]


def root_by_path(linked: bytes, *, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that follows from a path (RFC 9162 section 2.1.3.2); None where the path does not fit index and size."""
    if not 0 <= index < size:
        return None
    at, last, found = index, size - 1, leaf_of(linked)
    for beside in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = node_of(beside, found)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            found = node_of(found, beside)
        at >>= 1
        last >>= 1
    return found if last == 0 else None
