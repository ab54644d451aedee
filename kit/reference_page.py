"""Write a page of `docs/reference` from what the code says, or say with `--check` whether it has drifted.

What the scripts beside this file have in common. Exit codes: 0 all well, 1 drift.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(
    name: str,
    page: Path,
    written: Callable[[Path], str],
    *,
    source: str,
    arguments: Sequence[str] | None = None,
    root: Path = ROOT,
) -> int:
    """Run the command for one page; ``source`` is what is to be changed instead of the page."""
    parser = argparse.ArgumentParser(description=f"Write {page} from {source}.")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the page has drifted")
    parser.add_argument("--root", type=Path, default=root, help="root of the repository (for tests on a copy)")
    options = parser.parse_args(arguments)
    path, text = options.root / page, written(options.root)
    if not options.check:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}: wrote {page}\n")
        return 0
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{name}: {page} is not what {source} says\n")
        sys.stderr.write(f"Run `make contracts` and commit what it writes; change {source}, never this page.\n")
        return 1
    sys.stdout.write(f"{name}: {page} is current\n")
    return 0
