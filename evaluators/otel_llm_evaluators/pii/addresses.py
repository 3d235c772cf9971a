"""The forms of postal addresses: streets, parts beside them, and postcodes."""

from __future__ import annotations

import re
from typing import Final

from otel_llm.evaluate.api import Rule, any_of, listed

_LETTERS: Final = r"[\p{L}'\x{2019}.-]"
_WORD: Final = r"[\p{Lu}\d][\p{L}\d'\x{2019}.-]*"
_STREET: Final = any_of(
    "Street St Avenue Ave Road Rd Drive Dr Lane Ln Boulevard Blvd Court Ct Place Pl Square Sq Terrace Way "
    "Parkway Pkwy Highway Hwy Circle Cir Crescent Close Trail Alley Row Walk Mews Quay Plaza Loop "
    "Turnpike Expressway"
)
# endings of street names where name and "street" are one word: German, Dutch, Nordic, Finnish, Hungarian
_JOINED: Final = any_of(
    "straße strasse str\\. gasse weg allee platz straat laan plein kade dijk gracht gata gatan gate gaten "
    "gade vej väg vägen veg vegen vei veien stræde tie katu kuja polku tänav tee maantee utca stigen "
    "stien"
)
# words for "street" before the name: Romance and Slavic languages
_LEADING: Final = any_of(
    "Rue rue rua calle Avenue Boulevard Quai Place Chemin Impasse Via Viale Piazza Corso Vicolo Calle C/"
    " Avenida Av\\. Plaza Paseo Rua Travessa Largo Praça Praca ul\\. Ul\\. ulica Ulica al\\. Ctra\\. Rúa"
    " Strada Bulevardul"
)
_STATE: Final = any_of(
    "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM "
    "NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY"
)

_ADDRESS: Final = listed(
    "address live lives lived office street located location at meet billing shipping deliver delivery"
    " restaurant house corner moved home sent send reside resides"
)
# the parts of an address after its street: a line or a part of one, with a flat, a place or a postcode
_REST: Final = re.compile(
    r"(?:,? |,? ?\n {0,6}|, ?\n? {0,6})"
    r"(?:(?:Apt\.?|Apartment|Suite|Ste\.?|Unit|Flat|Room) ?\w{1,6}|\d{4,6}(?:-\d{3,4})?"
    r"|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}"
    r"|(?![a-z])[^\W\d_][\w'\u2019-]*(?: (?![a-z])[^\W\d_][\w'\u2019-]*){0,2})(?![\w:@'])"
)
_PARTS: Final = 5


def _to_its_end(text: str, end: int) -> int:
    """Return the end of the address whose street ends at `end`: flat, place and postcode may follow."""
    for _ in range(_PARTS):
        rest = _REST.match(text, end)
        if rest is None:
            break
        end = rest.end()
    return end


def _street(pattern: str, mark: str, confidence: float = 0.8, context: frozenset[str] = frozenset()) -> Rule:
    return Rule(
        type="STREET_ADDRESS",
        mark=mark,
        pattern=pattern,
        confidence=confidence,
        context=context,
        extend=_to_its_end,
    )


ADDRESS_RULES: Final = (
    _street(rf"\d{{1,6}}[A-Za-z]?,? (?:{_WORD} ){{1,5}}{_STREET}\b\.?", _STREET),
    _street(
        rf"(?:\d{{1,6}} )?(?:\p{{Lu}}{_LETTERS}* ){{0,2}}\p{{Lu}}{_LETTERS}*{_JOINED} \d{{1,4}}(?: ?[a-zA-Z]\b)?",
        _JOINED,
    ),
    _street(
        rf"(?:\d{{1,6}},? )?{_LEADING} (?:{_LETTERS}+ ){{0,4}}{_LETTERS}+,? \d{{1,4}}\b"
        rf"|\d{{1,4}},? (?:bis,? |ter,? )?{_LEADING} (?:(?:de|du|des|la|le|les|l'|d') ?){{0,3}}{_WORD}"
        rf"(?: {_WORD}){{0,3}}",
        _LEADING,
    ),
    _street(  # a street of an unknown kind, between two numbers
        r"\d{1,6} \p{Lu}[\p{L}'\x{2019}-]+(?: [\p{L}'\x{2019}.-]+){0,3} \d{1,4}\b", r"\p{L} \d", 0.3, _ADDRESS
    ),
    _street(
        r"(?i)(?:PSC|CMR|Unit) \d{1,5},? Box \d{1,5}", "(?i)box"
    ),  # of the US forces, USPS publication 28, 225
    _street(r"(?i)P\.? ?O\.? ?Box \d{1,6}", "(?i)box"),
    _street(r"(?:Apt\.?|Apartment|Suite|Flat) \d{1,5}", "Apt|Apartment|Suite|Flat", 0.6),
    Rule(
        type="ZIP_CODE",
        mark=r"(?i)zip|post",
        pattern=r"(?i)(?:zip|post|postal)[ -]?(?:code)?(?: is|:)? ?([A-Z\d]{2,5}[ -]?\d[A-Z\d-]{1,6})",
        confidence=0.85,
    ),
    Rule(
        type="ZIP_CODE",
        mark=rf"{_STATE} +\d",
        pattern=rf"{_STATE} +(\d{{5}}(?:-\d{{4}})?)",
        confidence=0.7,
    ),
    Rule(
        type="ZIP_CODE",  # of the United Kingdom
        mark=r"\d[A-Z]{2}",
        pattern=r"[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}",
        confidence=0.75,
    ),
)
