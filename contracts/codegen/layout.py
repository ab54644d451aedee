"""Where sources and generated files of the contracts lie, below one root so that tests can work on a copy."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below the root of the repository."""

    root: Path

    @property
    def topics(self) -> Path:
        """Sources of the registry, one YAML file per topic."""
        return self.root / "contracts" / "topics"

    @property
    def examples(self) -> Path:
        """Example payloads, one folder per event type."""
        return self.root / "contracts" / "examples"

    @property
    def schemas(self) -> Path:
        """JSON Schemas, one file per event type."""
        return self.root / "contracts" / "schemas"

    @property
    def released(self) -> Path:
        """What was ever released, one folder per version; written once."""
        return self.root / "contracts" / "released"

    @property
    def project(self) -> Path:
        """The package's own description, which says its version."""
        return self.root / "contracts" / "pyproject.toml"

    @property
    def registry(self) -> Path:
        """The registry as the package carries it."""
        return self.root / "contracts" / "src" / "slrt_contracts" / "registry.json"

    @property
    def asyncapi(self) -> Path:
        """The AsyncAPI document."""
        return self.root / "contracts" / "asyncapi.json"

    @property
    def reference(self) -> Path:
        """Generated reference pages."""
        return self.root / "docs" / "reference"
