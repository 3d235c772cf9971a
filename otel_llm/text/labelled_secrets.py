"""Places of secrets that stand beside their label: "password: …", a row of a table, an element, a sentence.

Each label is found by a search for a short word, and the form is matched from there. Every quantifier is bounded,
so that the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from otel_llm.text.secret_values import Label, can_be_secret
from otel_llm.text.stems import places_of
from otel_llm.text.tables import table_columns

# Words in lower case with which labels begin or, for "key", end
_STEMS: Final = (
    "pass", "pwd", "secret", "token", "key", "pin", "credential", "kennwort", "mdp", "contrase", "clave", "chave",
    "klucz", "senha", "wachtwoord", "parola", "parool", "adgangskode", "salasana", "heslo", "geslo", "lozinka",
    "kata sandi",
)  # fmt: skip
_OTHER_STEMS: Final = (
    "пароль", "пароля", "ключ", "clé", "schlüssel", "密码", "密碼", "口令", "密钥",
    "密鑰", "パスワード", "暗証番号", "비밀번호", "암호", "şifre", "lösenord", "hasło", "jelszó",
    "mật khẩu", "κωδικός", "كلمة المرور", "كلمة السر", "סיסמה", "पासवर्ड",
    "รหัสผ่าน",
)  # fmt: skip
_ALL_STEMS: Final = (*_STEMS, *_OTHER_STEMS)
_LABEL: Final = re.compile(
    r"""(?:
    (?P<key>(?i:(?<![A-Za-z])keys?(?![A-Za-z]))|(?<=[a-z])Keys?(?![A-Za-z])
      |(?<=[A-Za-z])(?:KEY|key)s?(?![A-Za-z])|(?i:schlüssel)|密钥|密鑰)
    |(?P<pin>(?<![A-Za-z])(?:PIN|pin[ -](?:code|number)|Pin(?:[ -][Cc]ode)?|暗証番号)(?![A-Za-z]))
    |(?P<token>(?i:tokens?|secrets?(?:[ _-]?(?:value|access[ _-]?key|key(?:[ _-]?base)?))?)(?![A-Za-z]))
    |(?P<password>(?i:
        pass(?:w(?:or[dt]s?)?d?|[ _-]?phrase|[ _-]?code|wd|e|ord)|(?<![A-Za-z])pass|pwd|credentials?
        |kennwort|mdp|contrase(?:ña|n[yh]a|na)|clave(?:[ ]de[ ](?:acceso|api))?
        |(?:clé|chave|klucz|ключ)[ ](?:de[ ]|d')?api
        |senha|wachtwoord|parola|parool|adgangskode
        |salasana|heslo|geslo|lozinka|kata[ ]sandi|şifre|lösenord|hasło|jelszó|mật[ ]khẩu|κωδικός|пароль|пароля
        |密码|密碼|口令|パスワード|비밀번호|암호|كلمة[ ]المرور|كلمة[ ]السر|סיסמה|पासवर्ड|รหัสผ่าน
        )(?![A-Za-z]))
    )(?i:_(?:prod|dev|test|live|staging|value|new|old|current|v?\d{1,2})|\d{1,2})?(?![A-Za-z0-9_-]{0,40}[(\[])""",
    re.VERBOSE,
)
# what a key must be to be a secret; issuers, because one leaves out the word "API"
_KINDS_OF_KEYS: Final = (
    "(?:api|access|secret|private|encryption|signing|account|storage|master|shared|session|service|app|admin|auth"
    "|license|subscription|deploy|ssh|wifi|wpa|my|your|our|openai|anthropic|claude|gemini|mistral|cohere|groq"
    "|deepseek|openrouter|perplexity|replicate|pinecone|hugging ?face|stripe|aws|azure|google|github|gitlab|slack"
    r"|twilio|sendgrid|datadog|cloudflare|vercel|supabase|firebase)[\s_*\\-]{0,3}"
)
_KEY_KIND: Final = re.compile(rf"(?i){_KINDS_OF_KEYS}\Z")
SECRET_LABEL: Final = (
    r"(?i)pass(?:w|[ _-]?phrase|[ _-]?code|e\b|ord\b)|(?:\b|_)pass(?:[^a-z]|$)|pwd"
    r"|(?:secret|token)s?(?:[^a-z]|$)"
    rf"|{_KINDS_OF_KEYS}keys?(?:[^a-z]|$)|\bpin\b|credential|kennwort|mdp|contrase|clave|chave|klucz|senha|wachtwoord"
    r"|parola|parool|adgangskode|salasana|heslo|geslo|lozinka|kata sandi|schl.ssel|cl. (?:de |d')?api"
    r"|l.senord|has.o\b|.ifre|jelsz|[^\x00-\x7f]{2}"
)
"""Pattern for RE2 that each label with its value contains, and few other texts."""
# tokens that are no secrets: of models and parsers, of pages of a list
_NO_SECRET: Final = re.compile(
    r"(?i)(?:next|page|continuation|sync|cursor|pagination|resume|pad|mask|eos|bos|sep|cls|unk|stop|start|end|special"
    r"|begin|first|last|max|min|input|output|prompt|completion|cached|reasoning|image|audio|cancellation|public)"
    r"[\s_-]{0,2}\Z"
)
_MADE_UP: Final = re.compile(r"(?i)\b(?:example|sample|dummy|fake|placeholder)[\s_*-]{1,3}(?:[a-z]+[\s_-])?\Z")
# a token that grants access may be a UUID; the id of a session or a request is none
_GRANTS: Final = re.compile(r"(?i)(?:access|api|auth|bearer|refresh|deploy|id|personal)[\s_-]{0,2}\Z")
_IN_TAG: Final = re.compile(r"<[A-Za-z][^<>\n]{0,70}\Z|<\Z")
_BEFORE: Final = 72
_QUALIFIERS: Final = 32
"""Characters before a label that have the words that belong to it."""

_MARKUP: Final = r"(?:[\s*_\\>]|~~)"
_TAG: Final = r"</?[A-Za-z][\w:-]{0,20}(?:\s[^<>\n]{0,60})?>"
_VERB: Final = (
    r"(?i:is|was|are|remains|equals|(?:has|have)\sbeen|will\sbe|ist|lautet|est|es|è|é|será|wordt|är|er|jest|это)"
    r"(?:\s(?i:now|still|currently|again|then|(?:re)?set\s(?:to|as)|(?:changed|updated)\sto|jetzt|nun|ahora|maintenant|nu))?"
)
_TYPE: Final = r"(?:(?:Optional\[)?(?i:string|str|securestring|secretstr)\]?(?:\s\|\s(?:None|null|undefined))?)"
_LINK: Final = re.compile(
    rf"""["'`*_~\\\]]{{0,6}}
    (?P<filler>\s{{0,2}}\??:\s{{0,2}}{_TYPE}(?=\s{{0,2}}=)
      |\s{{0,2}}\([^()\n]{{1,60}}\)
      |\s(?i:for|of|to|on|in|at|from|with|you|which|that|we|i|für|zu|zum|pour|de|du|do|da|para|voor|van|per|di|del)\b
       (?:[ ][^\s|=:<>]{{1,40}}){{1,9}}?)?
    ["'`*_~\\]{{0,6}}
    (?:(?P<assigned>(?:</[A-Za-z][\w:-]{{0,20}}>){{0,2}}\s{{0,3}}(?:[:\uff1a=?]=|[:\uff1a=]|->|\u2192)>?
       (?:[ ]?[|>][+-]?\n)?(?P<opened>\s{{0,20}}[\[{{])?)
      |(?P<stated>\s{{1,3}}{_VERB}\s{{0,2}}[:\uff1a]?(?=[\s"'`*_])|['\u2019]s(?=\s)|\s?(?:是|为|為|は|는|은))
      |(?P<cell>\s{{0,20}}\|)
      |(?P<tag>(?:\s{{0,8}}</[A-Za-z][\w:-]{{0,20}}>){{1,2}}(?=\s{{0,20}}<[A-Za-z]))
      |(?P<pair>\s{{0,2}}(?:[,{{]\s{{0,20}}|\s{{1,20}})["']?(?i:value|default)["']?\s{{0,2}}[:=])
      |(?(filler)(?!))(?P<near>\s{{1,2}}(?:(?:[-\u2013\u2014]|to|as)\s|\()?|,\s{{0,2}}(?=\\{{0,3}}["'])))""",
    re.VERBOSE,
)
_FENCE: Final = rf"(?:```\w{{0,12}}\n\s{{0,8}})?(?:{_TAG}{_MARKUP}{{0,8}}+){{0,3}}"
_VALUE: Final = re.compile(
    rf"""(?P<space>{_MARKUP}{{0,12}}+{_FENCE})(?:(?i:[\w.@-]{{1,64}})\s{{0,2}}[/]\s{{1,2}})?
    (?:(?P<quote>\\{{0,3}}(?:"{{3}}|'{{3}}|["'`\u201c]))(?P<quoted>(?:(?!(?P=quote))(?:\\[^\n]|[^\n\u201d\\])){{4,200}}+)
      (?:(?P=quote)|\u201d)
      |["'`\u201c]?(?P<bare>[^\s"'`|<>\u201c\u201d]{{4,300}}))""",
    re.VERBOSE,
)
_IN_ELEMENT: Final = re.compile(
    r"[^<>\n]{0,80}>(?:<!\[CDATA\[)?\s{0,20}(?P<bare>[^\s<>]{4,300}?)(?:\]\]>|\s{0,20}<)"
)
# one of these is in every secret, and seldom in a sentence: a short search before the long one
_SIGN: Final = re.compile(r"[0-9#$%^&*_+=@~!|\\A-Z\x80-\U0010ffff](?:(?<![A-Z])|(?<=[a-z].))")
_AFTER: Final = 250
_ESCAPED: Final = re.compile(r"\\([\"'`/\\])")
_TIGHT_END: Final = re.compile(r"[,;&()\[\]{}]")


# "use X as the password", "X is your API key"
_STATED_BEFORE: Final = re.compile(
    r"(?P<bare>[^\s\"'`|<>]{6,64})[\"'`*]{0,3}\s(?:as|is|was)\s(?:the|your|my|our|his|her|their|its)\s"
    r"(?:[\w-]{1,20}[\s_-]){0,2}\Z"
)
# in a list, the item behind an option is its value
_OPTION: Final = re.compile(r"(?<![\w-])--[\w-]{0,40}\Z")
# a list or an object behind a label: each item is a value, and each name before a colon is none
_INNER: Final = re.compile(r"[^\[\]{}]{4,1000}+")
_ITEM: Final = re.compile(r"(?:^|(?<=[,:\s\"'`\[{]))(?P<item>[^\s,\"'`]{6,300}+)(?![\"'`\\]{0,4}\s{0,3}:\s)")
_OTHER_KEY: Final = re.compile(r"[,;&]\s?[\w.-]{1,40}[=:]")


class _Found(NamedTuple):
    """A value, and what says that it belongs to its label."""

    start: int
    end: int
    stated: bool
    strong: bool
    one_of_many: bool = False
    """True if the values after it may be secrets, too."""


def find_labelled_secrets(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each value that looks like a secret and stands beside a label; they may overlap."""
    for place in places_of(text, _STEMS if text.isascii() else _ALL_STEMS):
        label = _LABEL.match(text, place)
        if label is None or not _SIGN.search(text, max(0, label.start() - _BEFORE), label.end() + _AFTER):
            continue
        kind = _kind(text, label)
        if kind is None:
            continue
        for found in _values(text, label):
            value = _ESCAPED.sub(r"\1", text[found.start : found.end])
            if can_be_secret(value, kind, stated=found.stated, strong=found.strong):
                yield found.start, found.end
                if not found.one_of_many:
                    break
    for heading, start, end in table_columns(text):
        label = _LABEL.search(heading)
        if label is not None and (kind := _kind(heading, label)) is not None:
            start, end = _trimmed(text, start, end)  # noqa: PLW2901 - the cell without its markup
            if can_be_secret(text[start:end], kind, stated=False, strong=False):
                yield start, end


def _kind(text: str, label: re.Match[str]) -> Label | None:
    """Return the kind of the label; None if it names no secret."""
    before = text[max(0, label.start() - _QUALIFIERS) : label.start()]
    if _MADE_UP.search(before):
        return None
    match label.lastgroup:
        case "key":
            return "key" if _KEY_KIND.search(before) else None
        case "token":
            if _NO_SECRET.search(before):
                return None
            return "key" if label[0][0] in "sS" or _GRANTS.search(before) else "token"
        case "pin":
            return "pin"
    return "password"


def _values(text: str, label: re.Match[str]) -> Iterator[_Found]:
    """Yield the values that may belong to the label."""
    before = text[max(0, label.start() - _BEFORE) : label.start()]
    if _IN_TAG.search(before) and (element := _IN_ELEMENT.match(text, label.end())):
        yield _Found(*_trimmed(text, *element.span("bare")), stated=False, strong=False)
    stated_before = _STATED_BEFORE.search(text, max(0, label.start() - _BEFORE), label.start())
    if stated_before:
        yield _Found(*_trimmed(text, *stated_before.span("bare")), stated=False, strong=True)
    link = _LINK.match(text, label.end())
    if link is not None and link["opened"]:
        # lists of tokens are of models, and objects beside the other labels have ids and users, too
        if label.lastgroup in {"key", "password"} and not label[0].lower().startswith("cred"):
            yield from _items(text, link.end())
        return
    value = None if link is None else _VALUE.match(text, link.end())
    if link is None or value is None or ((link["near"] or "")[:1] == "," and not _OPTION.search(before)):
        return
    stated, strong = link["stated"] is not None, link["near"] is not None
    if value["quoted"] is not None:
        start, end = value.span("quoted")
        end -= len(value["quoted"]) - len(value["quoted"].rstrip("\\"))
        if not any(map(str.isspace, text[start:end])):
            yield _Found(start, end, stated=stated, strong=strong)
        return
    start, end = value.span("bare")
    if not (value["space"] or link[0][-1:].isspace()) and (stop := _TIGHT_END.search(text, start, end)):
        yield _Found(start, stop.start(), stated=stated, strong=strong)
        if _OTHER_KEY.search(text, start, end):
            return
    yield _Found(*_trimmed(text, start, end), stated=stated, strong=strong)


def _items(text: str, start: int) -> Iterator[_Found]:
    """Yield the values of a list or of an object without others in it, which begins before `start`."""
    inner = _INNER.match(text, start)
    for item in _ITEM.finditer(text, *inner.span()) if inner else ():
        yield _Found(*_trimmed(text, *item.span("item")), stated=False, strong=True, one_of_many=True)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the place without quotes and markup around it, and without the punctuation of the sentence."""
    value = text[start:end].lstrip(" \t\"'`*").removeprefix("~~")
    start = end - len(value)
    return start, start + len(value.rstrip(" \t\"'`*.,:;)]}\\").removesuffix("~~"))
