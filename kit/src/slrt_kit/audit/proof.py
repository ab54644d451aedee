"""Prove that one entry is in the log without showing any other: its path to the signed root of its day."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from slrt_kit.audit import chain
from slrt_kit.audit.statements import Closing, Day, Keys, Signed, StatementError
from slrt_kit.audit.verify import ENTRY


class ProofError(ValueError):
    """There is no such entry or no closed day for it; or a proof does not hold. The message says which."""


def prove(lines: Iterable[bytes], position: int) -> dict[str, Any]:
    """The proof of the entry at a position of an export: JSON that stands by itself.

    Raises:
        ProofError: the export has no such entry, or its day is not closed.
    """
    links: list[bytes] = []
    before = found = b""
    entry, index = "", -1
    for line in lines:
        read = ENTRY.fullmatch(line)
        if read is not None:
            linked = bytes.fromhex(read[2].decode())
            if int(read[1]) == position:
                before, entry, found, index = links[-1] if links else before, read[3].decode(), linked, len(links)
            links.append(linked)
            continue
        said = orjson.loads(line)
        if "before" in said:
            before = bytes.fromhex(said["before"])
        elif "day" in said:
            if found:
                return {
                    "position": position,
                    "entry": entry,
                    "before": before.hex(),
                    "index": index,
                    "size": len(links),
                    "path": [each.hex() for each in chain.path_of(links, index)],
                    "day": said["day"],
                    "signature": said["signature"],
                }
            before = links[-1] if links else before
            links = []
        elif "closing" in said:
            if found:
                break
            closing = Closing.of(orjson.loads(said["closing"]))
            digest = Signed(said["closing"].encode(), b"").digest
            before, links = chain.genesis(closing.service, closing.next_chain, digest), []
    raise ProofError(
        f"the export has no entry {position}" if not found else f"the day of entry {position} is not closed"
    )


def check_proof(proof: Mapping[str, Any], keys: Keys) -> Day:
    """The day whose signed root the entry is under.

    Raises:
        ProofError: it does not hold.
    """
    try:
        signed = Signed(proof["day"].encode(), bytes.fromhex(proof["signature"]))
        day = Day.of(keys.check(chain.DAY, signed))
        linked = chain.link(bytes.fromhex(proof["before"]), proof["entry"].encode())
        index, size, position = int(proof["index"]), int(proof["size"]), int(proof["position"])
        root = chain.root_by_path(linked, index=index, size=size, path=[bytes.fromhex(each) for each in proof["path"]])
    except StatementError as error:
        raise ProofError(f"the day's statement {error}") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ProofError("the proof cannot be read") from error
    if position != day.first + index or size != day.last - day.first + 1:
        raise ProofError(f"the day {day.day} has positions {day.first} to {day.last}; the proof is of another place")
    if root != day.root:
        raise ProofError(f"the entry is not under the root that was signed for the day {day.day}")
    return day
