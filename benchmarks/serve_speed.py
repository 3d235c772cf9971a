"""Speed of the model server: tokens per second and time to the first token, for 1 to 8 requests at once.

    otel-llm serve --slots 8 &
    python benchmarks/serve_speed.py [http://127.0.0.1:8000/v1]

Each request is streamed, with a prompt of its own of about 100 tokens, and asks for 64 tokens.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import openai

TOKENS = 64
ROUNDS = 3
FILLER = "The river runs past the old mill, and the miller counts his sacks of flour. " * 4


async def ask(client: openai.AsyncOpenAI, model: str, number: str) -> tuple[float, int]:
    """Return the time to the first token and the number of tokens."""
    start = time.perf_counter()
    first, tokens = 0.0, 0
    stream = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": f"Story {number}. {FILLER} Go on with a long story."}],
        max_tokens=TOKENS,
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content and not first:
            first = time.perf_counter() - start
        if chunk.usage:
            tokens = chunk.usage.completion_tokens
    return first, tokens


async def main(url: str) -> None:
    """Print one row per number of requests at once."""
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=600) as client:
        model = (await client.models.list()).data[0].id
        await ask(client, model, "0")
        print(f"{model}: {TOKENS} tokens per request, {ROUNDS} rounds, medians")
        print("at once  wall s  tokens/s  first token s")
        for parallel in (1, 2, 4, 8):
            walls, rates, firsts = [], [], []
            for round_number in range(ROUNDS):
                start = time.perf_counter()
                answers = await asyncio.gather(
                    *(ask(client, model, f"{parallel}-{round_number}-{each}") for each in range(parallel))
                )
                wall = time.perf_counter() - start
                walls.append(wall)
                rates.append(sum(tokens for _, tokens in answers) / wall)
                firsts.append(statistics.median(first for first, _ in answers))
            row = (statistics.median(walls), statistics.median(rates), statistics.median(firsts))
            print(f"{parallel:7d}  {row[0]:6.2f}  {row[1]:8.0f}  {row[2]:13.2f}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/v1"))
