"""The table of units: for each the kind of thing, the units that include it, the span attribute and the price key.

Source of the price keys: genai-prices 0.2.3, `data_units.py`. Its units for the modalities of cache writes, tool
results, reasoning and citations are left out: no client reports such counts, and no model has a price for them.
"""

from __future__ import annotations

from typing import Final

from otel_llm import names
from otel_llm.instrument.contract.usage import Unit

# Tokens.
INPUT_TOKENS: Final = Unit("input_tokens", "token", "input", "input_mtok", (), None, names.USAGE_INPUT_TOKENS)
OUTPUT_TOKENS: Final = Unit("output_tokens", "token", "output", "output_mtok", (), None, names.USAGE_OUTPUT_TOKENS)
CACHE_READ_TOKENS: Final = Unit(
    "cache_read_tokens", "token", "input", "cache_read_mtok",
    (INPUT_TOKENS,), None, names.USAGE_CACHE_READ_INPUT_TOKENS,
)  # fmt: skip
# the list's price is for writes that are kept for 5 minutes, Anthropic's default
CACHE_WRITE_TOKENS: Final = Unit(
    "cache_write_tokens", "token", "input", "cache_write_mtok",
    (INPUT_TOKENS,), None, names.USAGE_CACHE_WRITE_INPUT_TOKENS,
)  # fmt: skip
CACHE_WRITE_5M_TOKENS: Final = Unit(
    "cache_write_5m_tokens", "token", "input", "cache_write_5m_mtok", (CACHE_WRITE_TOKENS,)
)
CACHE_WRITE_1H_TOKENS: Final = Unit(
    "cache_write_1h_tokens", "token", "input", "cache_write_1h_mtok", (CACHE_WRITE_TOKENS,)
)
# results of tools that the provider ran, and which the model reads
INPUT_TOOL_TOKENS: Final = Unit("input_tool_tokens", "token", "input", "input_tool_mtok", (INPUT_TOKENS,))
REASONING_TOKENS: Final = Unit(
    "reasoning_tokens", "token", "output", "output_reasoning_mtok",
    (OUTPUT_TOKENS,), None, names.USAGE_REASONING_OUTPUT_TOKENS,
)  # fmt: skip
CITATION_TOKENS: Final = Unit("citation_tokens", "token", "output", "output_citation_mtok", (OUTPUT_TOKENS,))

# Tokens by modality.
INPUT_TEXT_TOKENS: Final = Unit(
    "input_text_tokens", "token", "input", "input_text_mtok",
    (INPUT_TOKENS,), "text", names.USAGE_TEXT_INPUT_TOKENS,
)  # fmt: skip
INPUT_AUDIO_TOKENS: Final = Unit(
    "input_audio_tokens", "token", "input", "input_audio_mtok",
    (INPUT_TOKENS,), "audio", names.USAGE_AUDIO_INPUT_TOKENS,
)  # fmt: skip
INPUT_IMAGE_TOKENS: Final = Unit(
    "input_image_tokens", "token", "input", "input_image_mtok",
    (INPUT_TOKENS,), "image", names.USAGE_IMAGE_INPUT_TOKENS,
)  # fmt: skip
INPUT_VIDEO_TOKENS: Final = Unit(
    "input_video_tokens", "token", "input", "input_video_mtok",
    (INPUT_TOKENS,), "video",
)  # fmt: skip
OUTPUT_TEXT_TOKENS: Final = Unit(
    "output_text_tokens", "token", "output", "output_text_mtok",
    (OUTPUT_TOKENS,), "text", names.USAGE_TEXT_OUTPUT_TOKENS,
)  # fmt: skip
OUTPUT_AUDIO_TOKENS: Final = Unit(
    "output_audio_tokens", "token", "output", "output_audio_mtok",
    (OUTPUT_TOKENS,), "audio", names.USAGE_AUDIO_OUTPUT_TOKENS,
)  # fmt: skip
OUTPUT_IMAGE_TOKENS: Final = Unit(
    "output_image_tokens", "token", "output", "output_image_mtok",
    (OUTPUT_TOKENS,), "image", names.USAGE_IMAGE_OUTPUT_TOKENS,
)  # fmt: skip
OUTPUT_VIDEO_TOKENS: Final = Unit(
    "output_video_tokens", "token", "output", "output_video_mtok",
    (OUTPUT_TOKENS,), "video",
)  # fmt: skip
CACHE_READ_TEXT_TOKENS: Final = Unit(
    "cache_read_text_tokens", "token", "input", "cache_text_read_mtok",
    (CACHE_READ_TOKENS, INPUT_TEXT_TOKENS), "text",
)  # fmt: skip
CACHE_READ_AUDIO_TOKENS: Final = Unit(
    "cache_read_audio_tokens", "token", "input", "cache_audio_read_mtok",
    (CACHE_READ_TOKENS, INPUT_AUDIO_TOKENS), "audio",
)  # fmt: skip
CACHE_READ_IMAGE_TOKENS: Final = Unit(
    "cache_read_image_tokens", "token", "input", "cache_image_read_mtok",
    (CACHE_READ_TOKENS, INPUT_IMAGE_TOKENS), "image",
)  # fmt: skip
CACHE_READ_VIDEO_TOKENS: Final = Unit(
    "cache_read_video_tokens", "token", "input", "cache_video_read_mtok",
    (CACHE_READ_TOKENS, INPUT_VIDEO_TOKENS), "video",
)  # fmt: skip

# Units other than tokens.
INPUT_CHARACTERS: Final = Unit("input_characters", "character", "input", "input_mchars")
INPUT_TEXT_MESSAGES: Final = Unit("input_text_messages", "message", "input", "input_text_messages_kcount")
AUDIO_SECONDS: Final = Unit("audio_seconds", "second", None, "audio_hours")
INPUT_AUDIO_SECONDS: Final = Unit("input_audio_seconds", "second", "input", "input_audio_hours", (AUDIO_SECONDS,))
OUTPUT_AUDIO_SECONDS: Final = Unit(
    "output_audio_seconds", "second", "output", "output_audio_hours", (AUDIO_SECONDS,)
)
INPUT_IMAGES: Final = Unit("input_images", "image", "input", None)
OUTPUT_IMAGES: Final = Unit("output_images", "image", "output", None)
INPUT_PIXELS: Final = Unit("input_pixels", "pixel", "input", "input_gpixels")
INPUT_PAGES: Final = Unit("input_pages", "page", "input", "input_document_kpages")
INPUT_ANNOTATED_PAGES: Final = Unit(
    "input_annotated_pages", "page", "input", "input_annotated_document_kpages", (INPUT_PAGES,)
)

# Services of the provider beside the model's answer.
WEB_SEARCHES: Final = Unit("web_searches", "search", None, "web_searches_kcount")
SOCIAL_SEARCHES: Final = Unit("social_searches", "search", None, "social_searches_kcount")
STORAGE_SEARCHES: Final = Unit("storage_searches", "search", None, "storage_searches_kcount")
RERANK_SEARCHES: Final = Unit("rerank_searches", "search", None, "rerank_searches_kcount")
CODE_EXECUTIONS: Final = Unit("code_executions", "execution", None, "code_executions_kcount")
# one for each call: no client reports the count
REQUESTS: Final = Unit("requests", "request", None, "requests_kcount")

UNITS: Final = tuple(value for value in list(globals().values()) if isinstance(value, Unit))
"""All rows of the table. Each unit comes after the units that include it."""
