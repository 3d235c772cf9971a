"""The folder for files that we fetch or build and keep between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return OTEL_LLM_CACHE_DIR, else `~/.cache/otel-llm`; the folder need not exist."""
    named = os.environ.get("OTEL_LLM_CACHE_DIR", "").strip()
    return Path(named or "~/.cache/otel-llm").expanduser()
