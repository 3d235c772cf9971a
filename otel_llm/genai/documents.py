"""Documents in the result of a retrieval or a tool: texts, or objects that contain a text."""

from __future__ import annotations

from typing import Final

from otel_llm.errors import DecodeError
from otel_llm.genai.parts import as_text
from otel_llm.otlp.attributes import load_json

# names for the text of a document in LangChain, LlamaIndex, the conventions and other libraries
_TEXTS: Final = ("page_content", "content", "text", "document")


def read_documents(value: object) -> tuple[str, ...]:
    """Return the texts of a result: one for each item of a list, which may be JSON text; None has no documents.

    A tool may answer anything: an object without a text of a known name is a document as JSON, and a text that
    only looks like JSON is a document as it is.
    """
    if isinstance(value, str) and value.startswith(("[", "{", '"')):
        value = _loaded(value)
    items = value if isinstance(value, list) else [value]
    return tuple(text for item in items if (text := _text(item).strip()))


def _loaded(text: str) -> object:
    try:
        return load_json(text, "documents")
    except DecodeError:
        return text


def _text(item: object) -> str:
    if isinstance(item, dict):
        for name in _TEXTS:
            if isinstance(text := item.get(name), str):
                return text
    return as_text(item)
