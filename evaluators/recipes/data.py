"""The data folder's files as rows."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def jsonl(path: Path) -> list[Row]:
    """Return the objects of a file of one JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def table(path: Path, delimiter: str = ",") -> list[Row]:
    """Return the rows of a CSV or TSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))
