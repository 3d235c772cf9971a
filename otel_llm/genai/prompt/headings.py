"""Lines that divide a prompt: headings of contexts and questions, rules, and sentences that announce a context."""

from __future__ import annotations

import re
from typing import Final

_THINGS: Final = (
    r"(?:contexts?(?: information)?|documents?|sources?|passages?|excerpts?|snippets?|chunks?|references?"
    r"|search results?|evidence|knowledge(?: base)?|articles?|triplets)"
)
_KINDS: Final = r"(?:retrieved|relevant|additional|supporting|provided|given|new|reference|background|related|web)"
_MARKS: Final = r"^[ \t>]{0,8}(?:#{1,6}[ \t]{0,4}|\*\*|__)?"
_COLON: Final = r"(?:\*\*|__)?[ \t]{0,4}(?:\([^()\n]{0,80}\))?[ \t]{0,4}[:\uff1a](?:\*\*|__)?"
_LINE_ALONE: Final = r"^[ \t>]{0,8}(?:#{1,6}[ \t]{0,4}%s[ \t]*|\*\*%s\*\*[ \t]*)$"
_FOREIGN_CONTEXT: Final = r"kontext|contexte|contexto|contesto|контекст|已知信息|参考资料|上下文|コンテキスト"
_FOREIGN_QUESTION: Final = r"frage|pregunta|domanda|pergunta|vraag|вопрос|问题|用户问题|質問"


def _heading(words: str) -> re.Pattern[str]:
    alone = _LINE_ALONE.replace("%s", words)
    return re.compile(f"{_MARKS}{words}{_COLON}|{alone}", re.IGNORECASE | re.MULTILINE)


_CONTEXT_WORDS: Final = (
    rf"(?:(?:{_KINDS}[ \t]){{0,2}}{_THINGS}(?:[ \t]\d{{1,3}})?"
    rf"|(?:{_KINDS}[ \t])(?:information|data|facts|texts?|content|memory content)"
    rf"|information|{_FOREIGN_CONTEXT})"
)
CONTEXT: Final = _heading(_CONTEXT_WORDS)
"""The heading of a context."""
FETCHED: Final = re.compile(
    rf"{_MARKS}(?:{_KINDS}[ \t]{_THINGS}|{_KINDS}[ \t](?:information|memory content)|search results|documents"
    rf"|knowledge base)(?:{_COLON}|(?:\*\*)?)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""The heading of a context in instructions, on a line of its own: a bare "Context" there is about the task."""
FOUND: Final = re.compile(
    rf"{_MARKS}(?:(?:retrieved|relevant)[ \t]{_THINGS}|search results)(?:{_COLON}|(?:\*\*)?)[ \t]*$"
    r"|^Sources:[ \t]*$(?=\n[^\s:][^\n:]{0,200}\.\w{2,5}(?:#[^\s:]{0,40})?:[ \t])",
    re.IGNORECASE | re.MULTILINE,
)
"""The heading of a context behind a question: nobody writes it above words of their own."""
ANSWER_FROM: Final = re.compile(
    rf"^[ \t]*(?:please )?answer(?: the question)? (?:using|based on|from|with) the (?:following|below|provided)"
    rf" (?:information|{_THINGS})[ \t]*:[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line below a question that announces the context, as LangChain4j writes it."""
_SIGNS: Final = r"^[ \t]*[^\w\s<>]{1,12}[ \t]*"
BEGIN: Final = re.compile(
    rf"{_SIGNS}(?:(?:begin|start)(?:[ \t]of)?[ \t])?({_CONTEXT_WORDS})[ \t]*[^\w\s<>]{{1,12}}[ \t]*$"
    rf"|^[ \t]*(?:begin|start)(?:[ \t]of)?[ \t]({_CONTEXT_WORDS})(?:[ \t](?:block|section))?[ \t]*:?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that begins a context, as in "=== CONTEXT ==="."""
END: Final = re.compile(
    rf"{_SIGNS}(?:end(?:[ \t]of)?[ \t])?({_CONTEXT_WORDS})[ \t]*[^\w\s<>]{{1,12}}[ \t]*$"
    rf"|^[ \t]*end(?:[ \t]of)?[ \t]({_CONTEXT_WORDS})(?:[ \t](?:block|section))?[ \t]*[.:]?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that ends a context, as in "=== END CONTEXT ===" and "[/CONTEXT]"."""
QUESTION: Final = _heading(
    r"(?:(?:user'?s?|current|original|final|the|my|customer|follow[- ]up|new|actual)[ \t])?"
    rf"(?:question|query|q|{_FOREIGN_QUESTION})"
)
"""The heading of a question."""
REQUEST: Final = _heading(
    r"(?:(?:user|human|customer)(?:[ \t](?:input|message|request|prompt))?|follow[- ]up input|current task)"
)
"""The heading of the user's words in prompts that do not say "question"."""
ANSWER: Final = re.compile(
    r"^[ \t>]{0,8}(?:#{1,6}[ \t]{0,4}|\*\*)?(?:(?:helpful|final|refined|new|your|short|detailed)[ \t])?"
    r"(?:answer(?:[ \t]in[ \t]\w{1,20})?|response|reply|assistant|a|ai|relevant text, if any"
    r"|antwort|réponse|respuesta|回答|答案)"
    r"(?:\*\*)?[ \t]{0,4}[:\uff1a](?:\*\*)?[ \t]*$"
    r"|^[ \t]{0,8}#{1,6}[ \t]{0,4}(?:answer|response)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""The heading of the answer that is to be written."""
PREVIOUS: Final = re.compile(
    r"^[ \t]{0,8}(?:(?:original|existing)[ \t]answer|we have provided an existing answer\b[^\n:]{0,40}"
    r"|(?:chat|conversation)[ \t]history|current[ \t]conversation|instructions?)[ \t]{0,4}:",
    re.IGNORECASE | re.MULTILINE,
)
"""The heading of what is neither context nor question: an earlier answer, the conversation so far."""
RULE: Final = re.compile(r"^[ \t]{0,8}([-=_*~])\1{3,}[ \t]*$", re.MULTILINE)
"""A line of dashes or the like."""
_POINTER: Final = r"(?:following|below|provided|retrieved|given|supplied|above|relevant|extracted|new|additional)"
_PREPOSITION: Final = r"\b(?:use|using|given|consider|read|review|on|from|of|in|with|to|have)"
INTRODUCTION: Final = re.compile(
    rf"\bcontext(?: information)?(?: from multiple sources)? (?:is )?(?:given |provided )?(?:below|above)"
    rf"|{_PREPOSITION} (?:only |solely )?(?:the |these |this |some |any )?{_POINTER}"
    rf"(?: [\w']{{1,20}}){{0,3}}? {_THINGS}\b"
    r"|\baccording to the contents? of (?:this|the)\b"
    r"|\b(?:use|using) (?:the |this )(?:following |provided )?information(?: below)?"
    r"(?: to answer[^\n:]{0,60})?:[ \t]*$"
    r"|\b(?:pieces|parts|portion)s? of (?:retrieved |a long )?(?:context|information|document)"
    rf"|\b(?:here|below) (?:is|are)(?: [\w']{{1,20}}){{0,4}}? {_THINGS}\b|\bsome more context\b",
    re.IGNORECASE | re.MULTILINE,
)
"""Words that announce a context."""
FOLLOWS: Final = re.compile(
    rf"\bcontext(?: information)?(?: from multiple sources)? (?:is )?(?:given |provided )?below"
    rf"|\b(?:following|below)(?: [\w']{{1,20}}){{0,3}}? {_THINGS}\b"
    rf"|\bhere (?:is|are)(?: [\w']{{1,20}}){{0,4}}? {_THINGS}\b",
    re.IGNORECASE,
)
"""Words that announce a context that comes next."""
AFTER_CONTEXT: Final = re.compile(
    r"\s*(?:\Z|(?:given|using|based on|existing|original|refine|instruction|remember|final|now)\b)", re.IGNORECASE
)
"""The beginning of what a template says after its context."""
ASKED: Final = re.compile(
    r"\b(?:answer|respond to|response to)[^\n:]{0,60}\b(?:question|query|task|request)[ \t]{0,4}:[ \t]*"
    r"|\boriginal (?:query|question) is as follows:[ \t]*",
    re.IGNORECASE,
)
"""The words before a question inside a sentence."""
ASKED_LINE: Final = re.compile(
    r"^[ \t]{0,8}(?:now )?(?:please )?(?:answer|respond to)[^\n:]{0,60}\b(?:question|query)[ \t]{0,4}:",
    re.IGNORECASE | re.MULTILINE,
)
"""A line of instructions with the question at its end."""


def last(pattern: re.Pattern[str], text: str, start: int = 0) -> re.Match[str] | None:
    """Return the last match at or after `start`."""
    found = None
    for found in pattern.finditer(text, start):  # noqa: B007 - the last one stays
        pass
    return found
