"""Finds the files that one deploys: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def asset(*parts: str) -> Path:
    """Return the path of a file or folder below `collector/`, `dashboards/` or `examples/`.

    Raises:
        FileNotFoundError: neither the wheel nor the checkout has it.
    """
    for root in (_PACKAGE / "_assets", _PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(
        f"otel-llm: {'/'.join(parts)} is in neither the package nor the checkout at {_PACKAGE.parent}"
    )
