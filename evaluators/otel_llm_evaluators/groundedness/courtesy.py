"""Words of courtesy around a claim, which claim nothing: greetings, offers, apologies, questions back."""

from __future__ import annotations

import re
from typing import Final

from otel_llm.evaluate.api import words
from otel_llm_evaluators.groundedness.headings import names_only

_WORDS: Final = 30
_CONTEXT: Final = (
    r"(?:(?:the|this|these|your|my|our|all|any of the) )?(?:(?:provided|given|supplied|available|above|following"
    r"|retrieved|attached|uploaded|relevant|referenced|source|reference) ){0,3}(?:context|document"
    r"|documentation|doc"
    r"|text|passage|source|information|material|manual|handbook|guide|leaflet|policy|article|file|excerpt|snippet"
    r"|knowledge base|content|page|faq)(?:e?s)?(?: (?:provided|given|supplied|above|(?:that )?(?:you|i|we)"
    r" (?:have|provided|gave|shared)))?"
)
_OPENING: Final = re.compile(
    r"\W*(?:"
    r"(?:sure(?: thing)?|certainly|of course|absolutely|definitely|(?:great|good|excellent) question|yes|yeah"
    r"|yep|no"
    r"|nope|ok(?:ay)?|alright|right|hello|hi|hey|dear [\w ]{1,40}|hi there|thanks"
    r"|thank you(?: for [^,.!\n]{1,80})?"
    r"|that(?:'s| is) (?:not possible|correct|right|true|a (?:great|good) question)|got it|no problem|note"
    r"|please note|important|tip|answer|summary|in short|in summary|to summari[sz]e|overall"
    r"|in conclusion|additionally|furthermore|moreover|also|finally|first|firstly|second|secondly|third|next|then"
    r"|so|therefore|thus|well)\s?[,!.:;\u2013\u2014-]\s"
    r"|(?:unfortunately|however|fortunately|luckily|sadly|regrettably)\b,?\s"
    r"|(?:(?:i'?m|i am|we'?re|we are) (?:very |really |so |truly )?)?sorry(?:,? but|[,:\u2013\u2014-])\s"
    r"|i apologi[sz]e,? but\s|my apologies[,:]?(?: but)?\s"
    r"|(?:i'?m|i am|we'?re|we are) afraid,?(?: that)?\s"
    r"|(?:it is|it's) (?:important|worth) (?:to note|noting) that\s|(?:please )?note that\s|keep in mind that\s"
    r"|did you know that\s|i(?: can)? see that\s|i(?: can)? (?:confirm|tell you) that\s"
    rf"|(?:according to|based on|as (?:stated|mentioned|described|noted|per|specified) (?:in |by )?|from"
    rf"|per) ?{_CONTEXT},?\s"
    r"|(?:according to|based on|as per|per),?\s"
    rf"|{_CONTEXT} (?:say|state|mention|indicate|note|specif|explain|confirm|describe)(?:s|es|y"
    rf"|ies)?(?: that)?,?\s"
    r"|here(?: is|'s| are) (?:what (?:i found|you need to know|you asked for)|the (?:answer|information|details))"
    r"(?: (?:about|on|for|regarding) [^:\n]{1,80})?:\s"
    r")",
    re.IGNORECASE,
)
_REGRET: Final = re.compile(
    r"\W*(?:(?:(?:i'?m|i am|we'?re|we are) (?:very |really |so |truly |deeply )?)?sorry (?:to hear|that|for"
    r"|about|if|you)\b"
    r"|(?:i|we) (?:sincerely )?(?:apologi[sz]e|regret)\b|(?:my |our )?(?:sincere )?apologies\b)",
    re.IGNORECASE,
)
_TURN: Final = re.compile(r"[,;:.\u2013\u2014-]\s*(?:but|however|though|although|yet)\b,?\s*|;\s*", re.IGNORECASE)
_WHOLE: Final = re.compile(
    r"\W*(?:"
    r"(?:please )?(?:let (?:me|us) know|feel free|don'?t hesitate|do not hesitate|reach out|just (?:ask"
    r"|let me know))\b"
    r"|(?:i|we) hope (?:this|that|it|these|the|you|i)\b"
    r"|(?:i'?m|i am|we'?re|we are|i'?d be|i would be|i'?ll be|always|more than) (?:here|happy|glad"
    r"|pleased) (?:to|if)\b"
    r"|(?:happy|glad) to (?:help|assist)\b"
    r"|if (?:you(?:'?d| would)?|there(?:'?s| is| are)) [^.]{0,200}(?:let (?:me|us) know|feel free"
    r"|don'?t hesitate|do not hesitate"
    r"|please ask|just ask|i can|i'?ll|happy to|glad to|reach out)\b"
    r"|you(?:'?re| are) (?:very |most )?welcome\b(?! to)|(?:many |no )?(?:thanks|thank you|problem)\b"
    r"|my pleasure\b"
    rf"|(?:that|this)(?:'?s| is) (?:what|how|all) {_CONTEXT} (?:says?|states?|describes?|explains?)(?: it)?\W*$"
    r"|have a (?:great|good|nice|lovely|wonderful)\b|(?:best|kind|warm) (?:regards|wishes)\b|sincerely\b"
    r"|(?:great|good|excellent) question\b|(?:sure(?: thing)?|certainly|of course|absolutely|hello|hi|hi there|hey"
    r"|dear [\w ]{1,40}|ok(?:ay)?|got it|yes|no|sorry)\W*$"
    r"|here(?:'?s| is| are)\b[^.!?]*:?\W*$"
    r"|(?:below|the following) (?:is|are)\b[^.!?]*:\W*$"
    r"|(?:let me|i'?ll|i will|i can|i'?d like to) (?:explain|help|walk you|summari[sz]e|break|assist|look)\b"
    r"|(?:i'?m|i am) (?:just |only )?an? (?:ai|assistant|language model|virtual assistant|chatbot)\b"
    r")",
    re.IGNORECASE,
)
_STATEMENT: Final = re.compile(
    r"\b(?:which|because|since|where|costs?|lasts?|covers?|free|always|never)\b", re.IGNORECASE
)
_HERE: Final = re.compile(r"\W*here(?:'?s| is| are) (?:what |how |a list of what )?", re.IGNORECASE)
_LEADING_QUESTION: Final = re.compile(
    r"\W*(?:did you know|isn'?t|aren'?t|wasn'?t|weren'?t|doesn'?t|don'?t|didn'?t|hasn'?t|haven'?t|won'?t)\b",
    re.IGNORECASE,
)
_OPENINGS: Final = 5


def without_courtesy(sentence: str) -> str:
    """Return the sentence without words of courtesy, which is empty if it has no others."""
    sentence = sentence.replace("’", "'")  # noqa: RUF001 - a typographic apostrophe
    for _ in range(_OPENINGS):
        if _REGRET.match(sentence):
            turn = _TURN.search(sentence)
            if turn is None:
                return "" if _is_light(sentence) else sentence
            sentence = sentence[turn.end() :]
        elif match := _OPENING.match(sentence):
            sentence = sentence[match.end() :]
        else:
            break
    if (_WHOLE.match(sentence) or _only_asks(sentence)) and _is_light(sentence):
        return ""
    return sentence


def without_announcement(lead: str) -> str:
    """Return a line that leads to a list without "Here is …"; empty if it only announces the list."""
    lead = lead.strip().removesuffix(":")
    if match := _HERE.match(lead):
        lead = lead[match.end() :]
        return "" if names_only(lead, _WORDS) else lead
    return without_courtesy(lead + " ").strip()


def _only_asks(sentence: str) -> bool:
    return sentence.rstrip().endswith("?") and not _LEADING_QUESTION.match(sentence)


def _is_light(sentence: str) -> bool:
    """Return whether the sentence is short and has neither number nor address, so that it hides no fact."""
    if len(sentence) > 10 * _WORDS or "@" in sentence or "://" in sentence:
        return False
    read = words(sentence)
    return not read.numbers and len(read.stems) <= _WORDS and (read.asks or not _STATEMENT.search(sentence))
