"""Write requirements/*.txt from the resolution: pinned, hashed, and naming no index or download address."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXPORTS = {
    "services": [],
    "local": ["--group", "local"],
    "dev": ["--group", "dev"],
    "asyncapi": ["--only-group", "asyncapi"],
}
BUILD_BACKEND = "hatchling"


def main() -> None:
    """Run ``uv export`` once per file; fail loudly when an address slipped in."""
    for name, groups in EXPORTS.items():
        command = [
            "uv",
            "export",
            "--quiet",
            "--frozen",
            "--all-packages",
            "--no-emit-workspace",
            "--no-default-groups",
        ]
        if name == "services":
            command = ["uv", "export", "--quiet", "--frozen", "--no-emit-workspace", "--no-default-groups"]
        text = subprocess.run(
            [*command, *groups, "--no-header", "--no-emit-index-url", "--no-annotate"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        if "://" in text:
            sys.exit(f"requirements/{name}.txt would name an address")
        if f"{BUILD_BACKEND}==" not in text and "--only-group" not in groups:
            sys.exit(f"requirements/{name}.txt lacks the build backend {BUILD_BACKEND}")
        (ROOT / "requirements" / f"{name}.txt").write_text(text)
        print(f"requirements/{name}.txt: {text.count('==')} packages")


if __name__ == "__main__":
    main()
