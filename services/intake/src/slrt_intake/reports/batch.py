"""Read a file of messages, one JSON line each, and write what they hold, one JSON line each."""

import codecs
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from slrt_intake.reports.drafting import parsed
from slrt_intake.reports.parser import ReportParser
from slrt_kit.regions import Regions


class BrokenLineError(ValueError):
    """A line is no message; the text says what it should have been and never what stood there."""


def parse_lines(lines: Iterable[bytes], parser: ReportParser) -> Iterator[tuple[int, bytes | BrokenLineError]]:
    """For each line that is not empty its number, from 1, and the JSON line of its answer, or what is wrong with it.

    Lines may end as on Windows, and the first may begin with a byte order mark.
    """
    for number, raw in enumerate(lines, 1):
        line = (raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw).strip()
        if not line:
            continue
        try:
            message = _message(line)
        except BrokenLineError as broken:
            yield number, broken
        else:
            answer = parsed(message["text"], parser)
            yield number, _line({"id": message["id"], "kind": answer["kind"], "reports": answer["reports"]})


def parse_file(path: Path) -> bool:
    """Write the answers for a file to standard output and what is wrong to standard error; False when anything was."""
    parser = ReportParser.load(Regions.load())
    out, answered, broken = sys.stdout.buffer, 0, 0
    try:
        with path.open("rb") as file:
            for number, answer in parse_lines(file, parser):
                if isinstance(answer, BrokenLineError):
                    broken += 1
                    print(f"{path.name}:{number}: {answer}", file=sys.stderr)
                else:
                    answered += 1
                    out.write(answer)
        out.flush()
    except BrokenPipeError:  # whoever reads has enough; nothing more can be said to them
        with suppress(OSError):
            sys.stdout.close()
        return False
    print(f"{answered} messages read, {broken} broken lines", file=sys.stderr)
    return not broken


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line.decode())
    except UnicodeDecodeError:
        raise BrokenLineError("not UTF-8") from None
    except (ValueError, RecursionError):
        raise BrokenLineError("not JSON") from None
    if not isinstance(message, dict) or "id" not in message or not isinstance(message.get("text"), str):
        raise BrokenLineError('not {"id": …, "text": "…"}')
    return message


def _line(answer: dict[str, Any]) -> bytes:
    try:
        return json.dumps(answer, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half of a surrogate pair in an id
        return json.dumps(answer).encode() + b"\n"
