"""A call whose content is uploaded, and the variables that say where to."""

from in_process import COMPLETION, client_for

HOOK = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"
BASE_PATH = "OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH"
FORMAT = "OTEL_INSTRUMENTATION_GENAI_UPLOAD_FORMAT"

MESSAGES = [{"role": "user", "content": "Write to ann@example.com."}]
TOOLS = [{"type": "function", "function": {"name": "look", "description": "Looks."}}]


def ask(**options):
    return client_for(COMPLETION).chat.completions.create(
        **{"model": "gpt-4o-mini", "messages": MESSAGES, "tools": TOOLS, **options}
    )
