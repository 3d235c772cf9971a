from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest
from support.model_server import serving
from support.require import require

from otel_llm.config.cache import cache_folder
from otel_llm.config.serve import ServeSettings, let_idle_threads_sleep
from otel_llm.errors import ModelError
from otel_llm.serve.models.script import read_script
from otel_llm.serve.models.scripted import ScriptedModel
from otel_llm.serve.models.weights import ensure_weights


@pytest.fixture
def scripted_url(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A function that serves a script and gives the base URL."""
    with ExitStack() as stack:

        def start(script: str) -> str:
            path = tmp_path / "script.toml"
            path.write_text(script)
            return stack.enter_context(serving(ScriptedModel(read_script(path))))

        yield start


@pytest.fixture
def scripted(scripted_url: Callable[[str], str]) -> Iterator[Callable[[str], openai.OpenAI]]:
    """A function that serves a script and gives the real client for it."""
    with ExitStack() as stack:

        def start(script: str) -> openai.OpenAI:
            url = scripted_url(script)
            return stack.enter_context(openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=30))

        yield start


@pytest.fixture(scope="session")
def weights() -> Path:
    """The real weights, from the cache or fetched."""
    try:
        path = ensure_weights(cache_folder())
    except ModelError as error:
        require(None, f"the model's weights ({error})", "otel-llm serve, once, on a connected machine")
        raise
    return path


@pytest.fixture(scope="session")
def llama(weights: Path) -> Iterator[Any]:
    """The real model in memory, with two slots and room for two waiting requests."""
    let_idle_threads_sleep()  # before the engine is imported
    from otel_llm.serve.models.llama import load

    model = load(ServeSettings(model=weights, slots=2, queue=2, threads=2, context_tokens=512))
    yield model
    model.close()
