"""The model server as a process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from pydantic import ValidationError

from otel_llm.config.serve import ServeSettings, let_idle_threads_sleep
from otel_llm.errors import ConfigError, ModelError
from otel_llm.extras import needs
from otel_llm.ports import bind
from otel_llm.serve.app import create_app
from otel_llm.serve.models.model import Model
from otel_llm.serve.models.processor import check_processor
from otel_llm.serve.models.script import Script, read_script
from otel_llm.serve.models.scripted import ScriptedModel
from otel_llm.serve.server import run


def start(options: Mapping[str, Any]) -> None:
    """Serve the models until a signal ends the process.

    Args:
        options: settings by name.

    Raises:
        OtelLlmError: the server cannot start; the message says why.
    """
    settings = _settings(options)
    script = read_script(settings.script) if settings.script else Script()
    with bind(settings.host, settings.port, "--port") as sock:
        models = _models(settings, script)
        app = create_app(models, max_body_bytes=settings.max_body_bytes)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{sock.getsockname()[1]}/v1"
        run(app, sock, lambda: click.echo(f"otel-llm serve: {url} (models: {', '.join(m.id for m in models)})"))


def _settings(options: Mapping[str, Any]) -> ServeSettings:
    try:
        return ServeSettings(**options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:
            raise ConfigError(first["msg"].removeprefix("Value error, ")) from error
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise ConfigError(f"{option}: {first['msg']}, got {first['input']!r}") from error


def _models(settings: ServeSettings, script: Script) -> list[Model]:
    scripted = ScriptedModel(script)
    if settings.scripted_only:
        return [scripted]
    check_processor()
    let_idle_threads_sleep()
    # imported here: the two calls above must come before the engine's native library is loaded
    try:
        with needs("the engine", "serve", otherwise="--scripted-only does without it"):
            from otel_llm.serve.models.llama import load  # noqa: PLC0415
    except ImportError as error:
        raise ModelError(
            f"the engine cannot be loaded: {error}. On Linux it needs libgomp and libstdc++ (Debian, Ubuntu: "
            "apt-get install libgomp1 libstdc++6); --scripted-only does without it"
        ) from error
    model = load(settings)
    if model.id == scripted.id:
        raise ConfigError(
            f"--model: {settings.model} would be called {model.id!r}, which is taken: rename the file"
        )
    return [model, scripted]
