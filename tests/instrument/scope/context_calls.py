"""A call inside a context, and what its span carries."""

from otel_llm import names

ASK = [{"role": "user", "content": "count"}]
KEYS = {names.USER_ID, names.CONVERSATION_ID, names.PROMPT_NAME, names.PROMPT_VERSION}
TAG = names.TAG_PREFIX


def ask(client, **options):
    return client.chat.completions.create(model="scripted", messages=ASK, **options)


def carried(span):
    """Return the attributes of a span that no call has by itself."""
    return {name: value for name, value in span.attributes.items() if name in KEYS or name.startswith(TAG)}


def users(exported):
    return sorted(span.attributes.get(names.USER_ID, "nobody") for span in exported.spans)
