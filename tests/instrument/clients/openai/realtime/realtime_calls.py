"""How a realtime connection is made and asked, and the attributes of a response's span."""

import contextlib
import threading
from urllib.parse import urlsplit

from websockets.sync.server import serve

from otel_llm import names

TEXT = {"type": "realtime", "output_modalities": ["text"], "instructions": "Be brief."}


def item(text: str, role: str = "user") -> dict:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def until(connection, kind: str):
    """Return the next event of a kind, reading on until it comes."""
    while True:
        event = connection.recv()
        if event.type == kind:
            return event


def ask(connection, text: str, **parameters):
    connection.conversation.item.create(item=item(text))
    connection.response.create(**({"response": parameters} if parameters else {}))


def answer(connection, text: str, **parameters):
    ask(connection, text, **parameters)
    return until(connection, "response.done").response


@contextlib.contextmanager
def session(client, **settings):
    """Connect, with the session's settings made."""
    with client.realtime.connect(model="scripted") as connection:
        connection.session.update(session={**TEXT, **settings})
        yield connection


def expected(url: str, response, conversation: str) -> dict:
    address = urlsplit(url)
    return {
        names.OPERATION: "chat",
        names.PROVIDER: "openai",
        names.REQUEST_MODEL: "scripted",
        names.SERVER_ADDRESS: address.hostname,
        names.SERVER_PORT: address.port,
        names.REQUEST_STREAM: True,
        names.CONVERSATION_ID: conversation,
        names.OUTPUT_TYPE: "text",
        names.RESPONSE_ID: response.id,
        names.RESPONSE_MODEL: "scripted",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.USAGE_INPUT_TOKENS: 4,
        names.USAGE_OUTPUT_TOKENS: 3,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 0,
        names.USAGE_TEXT_INPUT_TOKENS: 4,
        names.USAGE_AUDIO_INPUT_TOKENS: 0,
        names.USAGE_IMAGE_INPUT_TOKENS: 0,
        names.USAGE_TEXT_OUTPUT_TOKENS: 3,
        names.USAGE_AUDIO_OUTPUT_TOKENS: 0,
    }


def attributes_of(span) -> dict:
    attributes = dict(span.attributes)
    attributes.pop(names.USAGE_COST, None)
    attributes.pop(names.USAGE_COST_SOURCE, None)
    return attributes


@contextlib.contextmanager
def served(handle):
    """Serve WebSockets otherwise than the scripted model does; gives the port."""
    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join()


def urls(port: int) -> dict:
    return {"base_url": f"http://127.0.0.1:{port}/v1", "websocket_base_url": f"ws://127.0.0.1:{port}/v1"}
