"""Read YAML the way people mean it: every scalar stays text, and no key may stand twice."""

from pathlib import Path
from typing import Any

import yaml


class YamlError(Exception):
    """The file is not there or is not such YAML; the message names the file and, where known, the line."""


class _TextLoader(yaml.BaseLoader):
    """`BaseLoader` resolves nothing, so that ``yes`` is no boolean and ``12.74`` no number; we add a check of keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file: dictionaries, lists and text.

    Raises:
        YamlError
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise YamlError(f"{path.name}: cannot be read: {error}") from error
    try:
        return yaml.load(text, Loader=_TextLoader)  # noqa: S506 — derives from BaseLoader, which makes only text
    except yaml.YAMLError as error:
        raise YamlError(f"{path.name}: not YAML: {error}") from error
