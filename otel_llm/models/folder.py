"""The files of an evaluator's or encoder's folder, and a manifest with their checksums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

_LICENCE_FILES: Final = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")


def write_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write the tokenizer, compact."""
    value = json.loads(tokenizer.to_str())
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def write_manifest(path: Path, keys: Mapping[str, Any], files: Sequence[str]) -> None:
    """Write the manifest beside its files; without a version, one is made of the files' checksums."""
    sums = {name: hashlib.sha256((path.parent / name).read_bytes()).hexdigest() for name in files}
    named = dict(keys)
    # other weights get another version, so that their results get other ids
    named["version"] = keys.get("version") or hashlib.sha256("".join(sums.values()).encode()).hexdigest()[:8]
    first = {key: named.pop(key) for key in ("name", "version")}
    lines = [f"{key} = {_toml(value)}" for key, value in {**first, **named}.items()]
    lines += ["", "[files]", *(f"{_toml(name)} = {_toml(value)}" for name, value in sums.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write JSON Lines."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def licence_found(source: str) -> str:
    """Return, in a sentence, the licence that the source's own files name."""
    folder = Path(source) if Path(source).is_dir() else Path(source).parent
    if not Path(source).exists():
        return "SOURCE was a name, not a folder: its licence was not looked up."
    readme = folder / "README.md"
    if readme.is_file():
        for line in _front_matter(readme.read_text(encoding="utf-8", errors="replace")):
            if line.startswith("license:"):
                return f"The source's README.md says: {line.strip()}."
    for name in _LICENCE_FILES:
        if (folder / name).is_file():
            first = next(
                filter(None, map(str.strip, (folder / name).read_text(errors="replace").splitlines())), ""
            )
            return f"The source has a file {name}, which begins: {first}"
    return "None was found beside the source."


def _front_matter(text: str) -> list[str]:
    """Return the lines of the YAML at the start of a model card."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        return []
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.strip() == "---"), 0)
    return lines[1:end]


def _toml(value: Any) -> str:
    # JSON and TOML write a text, a number or a list of texts alike
    return json.dumps(value, ensure_ascii=False)
