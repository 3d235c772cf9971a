"""Secrets: keys, tokens, passwords and private keys, by the forms that their issuers give them."""

from __future__ import annotations

from collections.abc import Iterable

from otel_llm.evaluate.api import EvaluatorManifest, Finder, FinderOptions, Finding, Rules
from otel_llm_evaluators.secrets.patterns import RULES


class Secrets(Finder):
    """Finds secrets; placeholders, and code that reads a secret from elsewhere, are none."""

    def __init__(self, manifest: EvaluatorManifest) -> None:
        super().__init__(manifest, max_characters=manifest.read_options(FinderOptions).max_characters)
        self._rules = Rules(RULES)

    def _search(self, text: str) -> Iterable[Finding]:
        return self._rules.find(text)
