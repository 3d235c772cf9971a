"""What belongs to nobody or to an organization: mailboxes of groups, hotlines, resolvers, numbers of parts."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from otel_llm.evaluate.api import listed

# RFC 2606 and RFC 6761: domains that belong to nobody
_NOBODYS: Final = listed("example example.com example.net example.org test invalid localhost domain.com")
# RFC 2142, and other mailboxes that a group reads
_ROLES: Final = listed(
    "abuse accounts admin ask bookings billing care careers contact customercare customer-service"
    " customerservice customer-support customersupport donotreply enquiries events feedback hello help"
    " helpdesk hostmaster hr info inquiries invoices it jobs legal mail marketing media newsletter no-reply"
    " noreply notifications office orders partners payments postmaster press privacy recruiting reservations"
    " returns sales security service services shop support team webmaster welcome you your your-email"
    " youremail your.email your_email user username name email"
)
_GROUP: Final = re.compile(
    r"(?:[a-z]{2,20}[._-])?(?:support|sales|info|help|service|contact|billing|press|noreply|orders)"
    r"(?:[._+-][a-z0-9]{1,12})?"
)
# Google, Quad9, Cloudflare, OpenDNS, AdGuard, Level 3: the addresses that their documentation publishes
_RESOLVERS: Final = listed(
    "8.8.8.8 8.8.4.4 9.9.9.9 149.112.112.112 1.1.1.1 1.0.0.1 208.67.222.222 208.67.220.220 94.140.14.14"
    " 94.140.15.15 4.2.2.1 4.2.2.2 2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111"
    " 2606:4700:4700::1001 2620:fe::fe"
)
NUMBERED: Final = frozenset(
    {"version", "release", "isbn", "issn", "order", "invoice", "section", "ticket", "sku", "ref"}
)
"""Words near numbers of things."""
PARTS: Final = NUMBERED | listed("part model item serial product catalogue catalog article case lot stock asset")
"""Words near numbers of goods."""
VERSIONED: Final = NUMBERED | listed(
    "oid snmp mib asn snmpwalk dns resolver nameserver chrome firmware build upgrade update assembly"
    " assemblyversion driver package patch sdk subnet route net kernel postgres postgresql redis nginx php"
    " jdk windows android ios macos supported deprecated"
)
"""Words near numbers with dots that are no client's address."""
# which of the two stands last before a number says whose number it is
_OWNER: Final = re.compile(
    r"(?i)\b(?:(?P<person>my|me|mine|his|her|him|mom|dad|mobile|cell|handy|private|personal|home|patient"
    r"|employee|registered|i|he|she)"
    r"|(?P<group>(?:customer|technical|tech|phone|product|24/7|our) (?:support|service|care|team|office)"
    r"|support|(?:hot|help)[ -]?line|help ?desk|(?:call|contact|reach|phone|text|fax)(?:ing)? us"
    r"|call cent(?:er|re)|toll[- ]free|free of charge|switchboard|reception|front desk"
    r"|sales|our (?:number|phone|tel|fax)|kundendienst|kundenservice|service client))\b"
)
_BEFORE: Final = 70
_LONGER: Final = re.compile(r"/\d{1,2}(?!\d)|\.\d")


def email(value: str) -> float:
    """Return the confidence that the address is a person's."""
    name, _, domain = value.lower().strip("'").rpartition("@")
    nobodys = any(domain == each or domain.endswith(f".{each}") for each in _NOBODYS)
    return 0.2 if nobodys else 0.4 if name in _ROLES or _GROUP.fullmatch(name) else 0.95


def ip(value: str) -> float:
    """Return the confidence that the address is of a client: 0 if it is not public, low for a known resolver."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return 0.0
    # IPv6: only global unicast addresses, RFC 4291, for code often has two words with :: between them
    public = address.is_global and not address.is_multicast and (address.version == 4 or value[0] in "23")
    return (0.2 if str(address) in _RESOLVERS else 0.6) if public else 0.0


def is_of_group(text: str, start: int, _end: int) -> bool:
    """Return True if the words before a number say that it is an organization's and not a person's."""
    owners = list(_OWNER.finditer(text, max(0, start - _BEFORE), start))
    return bool(owners) and owners[-1]["group"] is not None


def is_network(text: str, _start: int, end: int) -> bool:
    """Return True if the number goes on, as a network's with its prefix length or as an object identifier."""
    return _LONGER.match(text, end) is not None
