"""The endpoints of the API that are instrumented, by their paths."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from otel_llm.instrument.clients.openai.chat import CHAT
from otel_llm.instrument.fields import Endpoint

ENDPOINTS: Final[Mapping[str, Endpoint]] = MappingProxyType(
    {
        "/chat/completions": CHAT,
    }
)
