"""How an export is written, line by line, so that an entry's bytes stand in it as they were sealed."""

from binascii import hexlify
from uuid import UUID

import orjson

from slrt_kit.audit.statements import Signed

VERSION = 1


def first_line(service: str, chain_id: UUID, first: int, before: bytes) -> bytes:
    """What the export is of."""
    return _line(
        {"slrt_audit": VERSION, "service": service, "chain": str(chain_id), "first": first, "before": before.hex()}
    )


def entry_start(position: int, linked: bytes) -> bytes:
    """What stands before an entry's bytes; after them come a brace and the line's end."""
    return b'{"position":%d,"link":"%b","entry":' % (position, hexlify(linked))


def entry_line(position: int, linked: bytes, entry: bytes) -> bytes:
    """One sealed entry."""
    return entry_start(position, linked) + entry + b"}\n"


def statement_line(name: str, signed: Signed, **more: str) -> bytes:
    """A signed statement, its bytes as text."""
    return _line({name: signed.statement.decode(), "signature": signed.signature.hex(), **more})


def end_line(kind: str, signed: Signed) -> bytes:
    """The statement that an export ends with; ``kind`` is that of the chain's end, or of a day."""
    return statement_line("end", signed, kind=kind)


def _line(content: dict[str, object] | dict[str, str]) -> bytes:
    return orjson.dumps(content) + b"\n"
