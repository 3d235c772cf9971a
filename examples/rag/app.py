"""The help desk of the Alderbrook town library: answers questions from the library's own help pages.

    python app.py "How many books can I borrow?"

Finds the pages that fit, puts them before a language model and prints its answer. Talks to any server with the
OpenAI API: OPENAI_BASE_URL and OPENAI_API_KEY say which.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import openai
from openai.types.chat import ChatCompletionMessageParam
from retrieval import Index

DOCUMENTS = Path(__file__).parent / "documents"
MODEL = "smollm2-135m-instruct"
INSTRUCTIONS = "You are the help desk of the Alderbrook town library. Answer in one short sentence."
FROM_CONTEXT = " Use only the facts in the context.\n\n<context>\n{documents}\n</context>"


class HelpDesk:
    """Answers questions by one model, each on its own."""

    def __init__(self, client: openai.OpenAI, index: Index, max_tokens: int = 40) -> None:
        self._client = client
        self._index = index
        self._max_tokens = max_tokens

    def answer(self, question: str, model: str = MODEL) -> str:
        """Return the answer."""
        completion = self._client.chat.completions.create(
            model=model, messages=self._messages(question), max_tokens=self._max_tokens, temperature=0
        )
        return completion.choices[0].message.content or ""

    def stream(self, question: str, model: str = MODEL) -> Iterator[str]:
        """Yield the answer piece by piece, as the model writes it."""
        with self._client.chat.completions.create(
            model=model,
            messages=self._messages(question),
            max_tokens=self._max_tokens,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        ) as chunks:
            for chunk in chunks:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    yield text

    def _messages(self, question: str) -> list[ChatCompletionMessageParam]:
        instructions = INSTRUCTIONS
        if documents := self._index.search(question):
            instructions += FROM_CONTEXT.format(documents="\n\n".join(documents))
        return [{"role": "system", "content": instructions}, {"role": "user", "content": question}]


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask the help desk of the Alderbrook town library.")
    parser.add_argument("question")
    parser.add_argument("--model", default=MODEL, help="model to ask (default: %(default)s)")
    parser.add_argument("--no-stream", action="store_true", help="wait for the whole answer")
    arguments = parser.parse_args()

    desk = HelpDesk(openai.OpenAI(), Index.load(DOCUMENTS))
    if arguments.no_stream:
        print(desk.answer(arguments.question, arguments.model))
        return
    for text in desk.stream(arguments.question, arguments.model):
        print(text, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
