"""Secrets: keys, tokens, passwords and private keys, by the forms that their issuers give them."""

from __future__ import annotations

from collections.abc import Iterator

from otel_llm.evaluate.findings import Finder, Finding
from otel_llm.evaluate.manifest import EvaluatorManifest
from otel_llm.evaluate.rules import Rules
from otel_llm.evaluate.secret_patterns import RULES


class Secrets(Finder):
    """Finds secrets; placeholders, and code that reads a secret from elsewhere, are none."""

    def __init__(self, manifest: EvaluatorManifest) -> None:
        super().__init__(manifest)
        self._rules = Rules(RULES)

    def find(self, text: str) -> Iterator[Finding]:
        """Yield the secrets in the text."""
        return self._rules.find(text)
