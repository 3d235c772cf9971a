"""The application of the end-to-end test: the plain openai client, and no word of telemetry.

    python app.py BASE_URL REPORT.json

Asks a real and a scripted model, and writes what it saw: the test holds it against what arrives at the other end.
"""

import json
import sys
import time
from pathlib import Path

import openai

CONTEXT = (
    "<context>\nThe library opens at 9 am and closes at 5 pm on weekdays. Membership costs 12 euros a year.\n"
    "</context>\n\n{question}"
)
REAL, SCRIPTED = "smollm2-135m-instruct", "scripted"
OFF_TOPIC = (
    "Which football team won the cup final last night?",
    "How do acids react with metals?",
    "When must a tax return be filed?",
    "Who scored the winning goal in extra time?",
    "What is the boiling point of ethanol?",
)


def main(base_url: str, report_path: str) -> None:
    client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0)
    report = {"calls": 0, "errors": 0, "streams": 0, "input_tokens": 0, "output_tokens": 0}

    def ask(question: str, model: str = SCRIPTED) -> None:
        report["calls"] += 1
        try:
            completion = client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": CONTEXT.format(question=question)}],
                max_tokens=24,
            )
        except openai.APIStatusError:
            report["errors"] += 1
            return
        report["input_tokens"] += completion.usage.prompt_tokens
        report["output_tokens"] += completion.usage.completion_tokens

    def stream(question: str, model: str) -> None:
        report["calls"] += 1
        report["streams"] += 1
        messages = [{"role": "user", "content": CONTEXT.format(question=question)}]
        for chunk in client.chat.completions.create(
            model=model, messages=messages, max_tokens=24, stream=True, stream_options={"include_usage": True}
        ):
            if chunk.usage:
                report["input_tokens"] += chunk.usage.prompt_tokens
                report["output_tokens"] += chunk.usage.completion_tokens

    ask("What does membership cost?", REAL)
    stream("When does the library close?", REAL)
    for turn in range(12):
        ask(f"Question {turn}: what does membership cost?")
        stream(f"Question {turn}: how much is a membership?", SCRIPTED)
    ask("Tell me a wrong price.")
    for question in OFF_TOPIC * 2:
        ask(question)
    # rates are rates over time: the failures come while Prometheus looks, a few each second
    for _ in range(8):
        ask("Please fail.")
        ask("Please be rude.")
        time.sleep(0.5)
    Path(report_path).write_text(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
