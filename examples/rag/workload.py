"""Asks the help desk one question after the other, as listed in a file, and prints the answers.

    python workload.py

The file (workload.toml) says which model answers each question. Errors are printed and passed over: some of the
questions are there to provoke them.
"""

import argparse
import sys
import time
import tomllib
from pathlib import Path

import openai
from app import DOCUMENTS, HelpDesk
from retrieval import Index

WORKLOAD = Path(__file__).parent / "workload.toml"


def ask(desk: HelpDesk, question: str, *, model: str, stream: bool) -> None:
    """Print a question and its answer, or the error that came instead."""
    print(f"> {question}  [{model}]")
    try:
        answer = "".join(desk.stream(question, model)) if stream else desk.answer(question, model)
    except Exception as error:  # whatever the client raises when a request fails or a stream breaks
        answer = f"{type(error).__name__}: {error}"
    print(f"  {' '.join(answer.split())}")


def run(desk: HelpDesk, workload: dict, model: str | None) -> None:
    """Ask every question of the workload; `model` overrides the file's choice."""
    for phase in workload["phase"]:
        print(f"== {phase['name']}")
        for question in phase["questions"]:
            chosen = model or question.get("model", workload["model"])
            ask(desk, question["ask"], model=chosen, stream=question.get("stream", True))
            time.sleep(workload["pause_s"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask the help desk a list of questions.")
    parser.add_argument("file", nargs="?", type=Path, default=WORKLOAD, help="the list (default: workload.toml)")
    parser.add_argument("--model", help="one model for all questions, instead of the file's choice")
    arguments = parser.parse_args()

    sys.stdout.reconfigure(line_buffering=True)  # so that a log shows the questions as they are asked
    # the client would repeat a failed request, and so hide the errors that this workload provokes
    desk = HelpDesk(openai.OpenAI(max_retries=0), Index.load(DOCUMENTS))
    run(desk, tomllib.loads(arguments.file.read_text(encoding="utf-8")), arguments.model)


if __name__ == "__main__":
    main()
