"""Token confidence: the usual scores of a model, to fix the threshold by.

Run: `python -m recipes.token_confidence --url http://127.0.0.1:8000/v1 --model smollm2-135m-instruct`, with a
server running: `otel-llm serve`, or any that is OpenAI-compatible and gives log-probabilities.
"""

from __future__ import annotations

import json
import math
import random
import urllib.request
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from recipes.common import DATA_OPTION, SEED, log_metrics
from recipes.data import jsonl

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@click.command()
@DATA_OPTION
@click.option("--url", default="http://127.0.0.1:8000/v1", show_default=True, help="Base URL of the model server.")
@click.option("--model", default="smollm2-135m-instruct", show_default=True)
@click.option("--prompts", default=60, show_default=True, help="How many prompts are asked.")
@click.option("--temperature", default=0.0, show_default=True)
def main(data: Path, url: str, model: str, prompts: int, temperature: float) -> None:
    """Ask the model prompts of HaluEval, and print the quantiles of its answers' scores."""
    queries = [row["user_query"] for row in jsonl(data / "halueval_general_data.json")]
    short = [query for query in dict.fromkeys(queries) if len(query) <= 300]
    scores = [
        math.exp(np.mean(_logprobs(url, model, query, temperature)))
        for query in tqdm(random.Random(SEED).sample(short, prompts), unit="answer")
    ]
    quantiles = {f"{q:.0%}": round(float(np.quantile(scores, q)), 3) for q in _QUANTILES}
    log_metrics("token_confidence", {"model": model, "temperature": temperature, "answers": prompts, **quantiles})


def _logprobs(url: str, model: str, query: str, temperature: float) -> list[float]:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": query}],
        "logprobs": True,
        "max_tokens": 48,
        "temperature": temperature,
    }
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        (choice,) = json.load(response)["choices"]
    return [token["logprob"] for token in choice["logprobs"]["content"]]


if __name__ == "__main__":
    main()
