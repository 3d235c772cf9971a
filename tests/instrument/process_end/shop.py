"""One small app, for every server: each request is one call of a model that answers in the app's own process."""

import importlib
import sys
from typing import Any

import openai

httpx = importlib.import_module("httpx2" if openai.__version__.startswith("3.") else "httpx")
COMPLETION = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}  # fmt: skip


def ask(count: int = 1) -> int:
    """Make calls; return their number. A client of its own each time, as after a fork."""
    http_client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=COMPLETION)))
    client = openai.OpenAI(api_key="none", http_client=http_client)
    for _ in range(count):
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello?"}])
    return count


def wsgi(_: Any, start_response: Any) -> list[bytes]:
    ask()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"Hi"]


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    ask()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hi"})


def flask_app() -> Any:
    import flask

    app = flask.Flask("shop")
    app.add_url_rule("/", view_func=lambda: str(ask()))
    return app


def django() -> None:
    """Run django's own server, as `manage.py runserver` would."""
    from django.conf import settings
    from django.core.management import execute_from_command_line
    from django.http import HttpResponse
    from django.urls import path

    settings.configure(
        ROOT_URLCONF="urls", SECRET_KEY="shop", ALLOWED_HOSTS=["127.0.0.1"], DEBUG=True,
    )  # fmt: skip
    sys.modules["urls"] = type(sys)("urls")
    sys.modules["urls"].urlpatterns = [path("", lambda _: HttpResponse(str(ask())))]
    execute_from_command_line(["manage.py", *sys.argv[1:]])


if __name__ == "__main__":
    django()
