"""``make sbom``: write a CycloneDX list of what each service image installs, from the pins, to ``build/sbom``.

One file per image, with the package URL and the hashes of every package. What the base image brings is its maker's to
tell.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("intake", "referral", "registry", "notification")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def pinned(requirements: str) -> Iterator[Component]:
    """The packages of a requirements file.

    Raises:
        ValueError: a line pins nothing, or a package has no hash.
    """
    for entry in re.split(r"(?<!\\)\n", requirements):
        line = entry.strip()
        if not line or line.startswith("#"):
            continue
        found, hashes = _PIN.match(line), _HASH.findall(line)
        if found is None or not hashes:
            raise ValueError(f"neither pinned nor hashed: {line[:80]}")
        name, version = found["name"], found["version"]
        purl = PackageURL("pypi", name=name.lower(), version=version)
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            purl=purl,
            bom_ref=purl.to_string(),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in hashes],
        )


def document(service: str, requirements: str) -> str:
    """The CycloneDX 1.6 document of a service's image, as JSON."""
    image = Component(type=ComponentType.CONTAINER, name=f"slrt-{service}", bom_ref=f"slrt-{service}")
    bom = Bom(components=pinned(requirements))
    bom.metadata.component = image
    bom.register_dependency(image, bom.components)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)


def main() -> None:
    """Write the files."""
    folder = ROOT / "build" / "sbom"
    folder.mkdir(parents=True, exist_ok=True)
    requirements = (ROOT / "requirements" / "services.txt").read_text(encoding="utf-8")
    for service in SERVICES:
        path = folder / f"slrt-{service}.cdx.json"
        path.write_text(document(service, requirements), encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
