"""How the openai client is asked, by each of its endpoints, and how a realtime response is read."""

from typing import Any

from form import find
from form_reading import Leaving, settled


def chat(client: Any, question: str, method: str = "create", **options: Any) -> Any:
    messages = [{"role": "user", "content": question}]
    return find(client.chat.completions, method)(model="scripted", messages=messages, **options)


def respond(client: Any, question: str, method: str = "create", **options: Any) -> Any:
    return find(client.responses, method)(model="scripted", input=question, **options)


def complete(client: Any, question: str, **options: Any) -> Any:
    return client.completions.create(model="scripted", prompt=question, **options)


def draw(client: Any, question: str, **options: Any) -> Any:
    return client.images.generate(model="scripted", prompt=question, **options)


def say(method: Any, question: str, **options: Any) -> Any:
    return method(model="scripted", voice="alloy", input=question, **options)


def hear(method: Any, question: str, **options: Any) -> Any:
    return method(model="scripted", file=("talk.wav", bytes(16_000)), prompt=question, **options)


async def turn(given: Any, leaving: Leaving | None) -> list[type]:
    """Ask for a response on a realtime connection, and read its events."""
    manager, question = given
    connection = await settled(manager.enter())
    kinds = [type(connection)]
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]}
    await settled(connection.session.update(session={"type": "realtime", "output_modalities": ["text"]}))
    await settled(connection.conversation.item.create(item=item))
    await settled(connection.response.create())
    last = leaving.after if leaving and leaving.after else "response.done"
    while last not in str(event := await settled(connection.recv())):
        kinds.append(type(event))
    # of a connection that is dropped, the socket is closed behind its back, to be rid of it
    closed = connection._connection if leaving and not leaving.close else connection
    await settled(closed.close())
    return [*kinds, type(event)]
