"""Write what is generated from the event models and `topics/`; check it, also against all releases; cut a release.

Run by `make contracts`, with `--check` by `make lint`, with `--release` by `make release-contracts`. Exit codes: 0 all
well, 1 drift, 2 the sources are wrong or a release is not what it was, 3 something released would break.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, the modules beside this one are found from the root

from contracts.codegen.asyncapi import asyncapi_document  # noqa: E402
from contracts.codegen.compatibility import Contract, breaks_between, told  # noqa: E402
from contracts.codegen.golden import unread, unreadable  # noqa: E402
from contracts.codegen.headers import headers_schema  # noqa: E402
from contracts.codegen.layout import Layout  # noqa: E402
from contracts.codegen.lint import lint_event, needless_exceptions  # noqa: E402
from contracts.codegen.reference import codes_page, events_page  # noqa: E402
from contracts.codegen.registry import RegistryError, check_topics, read_topics, registry_document  # noqa: E402
from contracts.codegen.released import ReleaseError, cut, read_releases  # noqa: E402
from contracts.codegen.schemas import event_schema  # noqa: E402

from slrt_contracts.codes import CODE_SHAPE  # noqa: E402
from slrt_contracts.events import EVENT_TYPES  # noqa: E402

REMEDY = "Run `make contracts` and commit what it writes; change the models or contracts/topics/, never these files."


def expected_files(layout: Layout) -> dict[Path, str]:
    """Return every generated file with its text. Raises RegistryError when the sources are wrong."""
    topics = read_topics(layout.topics)
    problems = check_topics(topics, EVENT_TYPES)
    problems += [problem for event in EVENT_TYPES.values() for problem in lint_event(event)]
    problems += needless_exceptions(EVENT_TYPES.values())
    if problems:
        raise RegistryError(problems)
    document = asyncapi_document(topics, _good_examples(layout), version=_version(layout))
    files = {
        layout.registry: _json(registry_document(topics)),
        layout.asyncapi: _json(document),
        layout.reference / "events.md": events_page(topics),
        layout.reference / "codes.md": codes_page(),
    }
    files |= {
        layout.schemas / f"{event_type}.json": _json(event_schema(event)) for event_type, event in EVENT_TYPES.items()
    }
    return files


def contract_of_today(layout: Layout) -> Contract:
    """Return what the models and topics say now, in the form in which releases are kept."""
    return Contract(
        version=_version(layout),
        schemas={event_type: event_schema(event) for event_type, event in EVENT_TYPES.items()},
        headers=headers_schema() | {"additionalProperties": False},
        topics=tuple(registry_document(read_topics(layout.topics))["topics"]),
        unknown_code=CODE_SHAPE,
    )


def broken(layout: Layout) -> list[str]:
    """Return what today's contract breaks of any release: what, for whom, and what to do.

    Raises ReleaseError when a release is not what it was.
    """
    today, examples = contract_of_today(layout), _good_examples(layout)
    releases = read_releases(layout.released)
    lines = told(found for release in releases for found in breaks_between(release.contract, today))
    lines += [f"an event of a release is not read whole: {line}" for release in releases for line in unread(release)]
    lines += [
        f"an event of today is not read by yesterday's reader: {line}"
        for release in releases
        for line in unreadable(release, examples)
    ]
    return lines


def drifted(layout: Layout, files: Mapping[Path, str]) -> list[str]:
    """Return what differs between the disk and what should be there, each line naming a file."""
    found = []
    for path, text in files.items():
        name = path.relative_to(layout.root)
        if not path.exists():
            found.append(f"{name}: is missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{name}: is not what the models and topics say")
    return found + [f"{path.relative_to(layout.root)}: belongs to no event" for path in _orphans(layout, files)]


def write(layout: Layout, files: Mapping[Path, str]) -> None:
    """Write the files and remove schemas of events that are gone."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in _orphans(layout, files):
        path.unlink()


def _orphans(layout: Layout, files: Mapping[Path, str]) -> list[Path]:
    return sorted(path for path in layout.schemas.glob("*") if path not in files)


def _good_examples(layout: Layout) -> dict[str, list[tuple[str, Any]]]:
    return {
        event_type: [
            (path.stem.removeprefix("good-"), json.loads(path.read_text(encoding="utf-8")))
            for path in sorted((layout.examples / event_type).glob("good-*.json"))
        ]
        for event_type in EVENT_TYPES
    }


def _version(layout: Layout) -> str:
    """Return the version that the package declares; the installed one may be older."""
    declared: str = tomllib.loads(layout.project.read_text(encoding="utf-8"))["project"]["version"]
    return declared


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; name what has drifted, and who would break"
    )
    parser.add_argument("--release", action="store_true", help="check, then keep all this as the package's version")
    parser.add_argument("--root", type=Path, default=ROOT, help="root of the repository (for tests on a copy)")
    options = parser.parse_args(arguments)
    layout = Layout(options.root.resolve())
    try:
        files = expected_files(layout)
        if not options.check and not options.release:
            write(layout, files)
            sys.stdout.write(f"contracts: wrote {len(files)} files for {len(EVENT_TYPES)} events\n")
            return 0
        return _check(layout, files) or (_release(layout) if options.release else 0)
    except RegistryError as error:
        sys.stderr.write(f"contracts: the sources are wrong\n{_listed(error.problems)}\n")
    except ReleaseError as error:
        sys.stderr.write(f"contracts: a release is written once\n{_listed(error.problems)}\n")
    return 2


def _check(layout: Layout, files: Mapping[Path, str]) -> int:
    if found := drifted(layout, files):
        sys.stderr.write(f"contracts: generated files have drifted\n{_listed(found)}\n{REMEDY}\n")
        return 1
    if found := broken(layout):
        sys.stderr.write(f"contracts: this breaks what was released\n{_listed(found)}\n")
        return 3
    releases = sum(1 for path in layout.released.iterdir() if path.is_dir())
    sys.stdout.write(f"contracts: {len(files)} generated files are current; compatible with {releases} releases\n")
    return 0


def _release(layout: Layout) -> int:
    contract = contract_of_today(layout)
    written = cut(layout.released, contract, _good_examples(layout))
    sys.stdout.write(f"contracts: released {contract.version}, {written} files\n")
    return 0


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
