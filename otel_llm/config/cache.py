"""Where what we fetch or build for ourselves is kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder; it need not exist yet. OTEL_LLM_CACHE_DIR, else `~/.cache/otel-llm`."""
    named = os.environ.get("OTEL_LLM_CACHE_DIR", "").strip()
    return Path(named or "~/.cache/otel-llm").expanduser()
