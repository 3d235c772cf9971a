"""Personal data in the typography that models write, beside labels in markup, and what is nobody's."""

import pytest

from otel_llm.evaluate.finding.findings import without_overlaps
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.instrument.content.redact import redaction
from otel_llm.masking.texts import masker

(PII,) = load_evaluators(["pii"])
redact = redaction(["email", "phone", "card", "iban"])
VALUES = {
    "US_SSN": "536-90-4399",
    "CREDIT_CARD": "4539 1488 0343 6467",
    "IBAN_CODE": "DE89 3704 0044 0532 0130 00",
    "PHONE_NUMBER": "(415) 864-2337",
    "IN_AADHAAR": "2345 6789 0124",
    "EMAIL_ADDRESS": "anna.berger@posteo.net",
}
SPACES = "\u00a0\u2007\u2009\u200a\u202f\u3000"
HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"


def found(text):
    return [
        (finding.type, text[finding.start : finding.end])
        for finding in without_overlaps(PII.find(text))
        if PII.manifest.is_fail(finding.confidence)
    ]


def with_digits(value, zero):
    return "".join(chr(ord(zero) + int(each)) if each in "0123456789" else each for each in value)


def escaped(value, write):
    return "".join(write(each) if each in "@-. " else each for each in value)


FORMS = [
    *(lambda value, space=space: value.replace(" ", space) for space in SPACES),
    *(lambda value, hyphen=hyphen: value.replace("-", hyphen) for hyphen in HYPHENS),
    *(lambda value, hyphen=hyphen: value.replace(" ", hyphen) for hyphen in HYPHENS[:2]),
    *(lambda value, zero=zero: with_digits(value, zero) for zero in "\uff10\u0660\u06f0\u0966\u09e6"),
    *(lambda value, unseen=unseen: unseen.join(value) for unseen in "\u200b\u00ad\u2060\ufeff"),
    lambda value: value.replace("@", "\uff20").replace(".", "\uff0e"),
    lambda value: escaped(value, lambda each: f"%{ord(each):02X}"),
    lambda value: escaped(value, lambda each: f"\\u{ord(each):04x}"),
    lambda value: escaped(value, lambda each: f"&#{ord(each)};"),
    lambda value: escaped(value, lambda each: f"&#x{ord(each):X};"),
    lambda value: escaped(value, lambda each: f"\\{each}" if each != " " else each),
    lambda value: value.replace(" ", "&nbsp;").replace("@", "&commat;"),
    lambda value: value.replace(" ", "%C2%A0").replace("@", "%2540"),
]


@pytest.mark.parametrize("form", range(len(FORMS)))
@pytest.mark.parametrize("kind", VALUES)
def test_a_value_is_found_redacted_and_masked_in_any_typography(kind, form):
    value = FORMS[form](VALUES[kind])
    words = {"US_SSN": "SSN", "IN_AADHAAR": "Aadhaar", "PHONE_NUMBER": "phone"}.get(kind, "it")
    text = f"Her {words} is {value} now."

    ((name, place),) = found(text)
    assert name == kind
    assert place == value.strip("\u200b\u00ad\u2060\ufeff")
    assert masker().mask(text) == f"Her {words} is [{kind}] now."
    if kind not in {"US_SSN", "IN_AADHAAR"}:
        assert redact(text).startswith(f"Her {words} is [")
        assert value[3:9] not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "number 4539\u00a01488\u00a00343\u00a06468",
        "IBAN DE88\u00a03704\u00a00044\u00a00532\u00a00130\u00a000",
        "SSN 000\u201112\u20113456",
        "10\u202f000\u202f000 and 1\u202f234\u202f567 of them",
        "the years 1914\u20131918, 1939\u20131945",
        "lines 100\u2013120, 200\u2013240",
        "\u0662\u0660\u0662\u0664-\u0660\u0661-\u0661\u0665",
        "user%40example.com",
        "50%40 of it",
        "&#64;decorator, a &lt; b",
        "C:\\\\temp\\\\new",
    ],
)
def test_the_checks_hold_in_any_typography(text):
    assert found(text) == []
    assert redact(text) == text.replace("user%40example.com", "[email]")


@pytest.mark.parametrize(
    "text",
    [
        "**Name:** Anna Berger",
        "- **Name**: Anna Berger",
        "| Name | Anna Berger |",
        "<name>Anna Berger</name>",
        "1. **Name:** Anna Berger",
        "Name: Anna Berger",
        "name: Anna Berger",
        "> *Name*: **Anna Berger**",
        "<td>Name</td><td>Anna Berger</td>",
        "Name\uff1aAnna Berger",
        '{"name": "Anna Berger"}',
        '{\\"name\\": \\"Anna Berger\\"}',
        "Name:\u00a0Anna\u00a0Berger",
        "- **Full name:** Anna Berger",
        '{"customer_name": "Anna Berger"}',
        "| Id | Name |\n|---|---|\n| 7 | Anna Berger |",
        "| **Patient** | Anna Berger |",
        "<customer><fullName>Anna Berger</fullName></customer>",
        "My name is Anna Berger.",
        "**Nom :** Anna Berger",
    ],
)
def test_a_name_beside_its_label_is_found_in_any_markup(text):
    assert [(kind, value.replace("\u00a0", " ")) for kind, value in found(text)] == [("PERSON", "Anna Berger")]
    assert "Berger" not in masker().mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "name: Build And Test",
        "Name: Visual Studio Code",
        "Product name: Gorgeous Goggles",
        "name: Deploy Production",
        "Name: Python",
        "**Name:** Quarterly Report",
        "| Name | Shared Settings |",
        "<name>Acme Widgets</name>",
        '{"name": "Search Web"}',
        "Name: Ubuntu Server",
        "| Name | Type |\n|---|---|\n| Max Tokens | int |",
        "Name | Description",
        "name: str = None",
        "Name: Kubernetes Dashboard",
        "**Name:** required",
        "- name: Checkout Code",
        "The name of the workflow is Nightly Build.",
    ],
)
def test_the_name_of_a_thing_is_no_person(text):
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Call our support hotline at +1 415 864 2337.",
        "For help contact us: +43 1 588 58 00",
        "Customer service: (415) 864-2337",
        "Our number is (415) 864-2337.",
        "Technical support is there for you on 020 7946 0958.",
        "Call us at 415-864-2337.",
        "Toll-free: 1-800-222-1222",
        "Write to support@widgets.io, sales-eu@widgets.io or customer.support@widgets.io.",
        "Mail info@widgets.io, no-reply@widgets.io or press@widgets.io",
        "part number 536-90-4399",
        "SKU: 219-09-9999",
        "Model 415-22-1876 is out of stock.",
        "Order the item 536-90-4399 from the catalogue.",
    ],
)
def test_what_belongs_to_an_organization_is_nobodys(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I called support, but my number is (415) 864-2337.", "PHONE_NUMBER"),
        ("The hotline will ring her mobile: +1 415 864 2337", "PHONE_NUMBER"),
        ("Call me at 415-864-2337.", "PHONE_NUMBER"),
        ("Anna's phone: 415-864-2337", "PHONE_NUMBER"),
        ("Write to anna.berger@widgets.io, not to support.", "EMAIL_ADDRESS"),
        ("For order 12 her SSN is 536-90-4399.", "US_SSN"),
        ("SSN 536-90-4399, part of the file", "US_SSN"),
        ("536-90-4399", "US_SSN"),
    ],
)
def test_what_is_a_persons_is_found_beside_such_words(text, kind):
    assert [name for name, _ in found(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "git clone git@github.com:acme/widgets.git",
        "scp a.txt deploy@build.acme.io:/srv",
        "anna@web01.acme.io:~$ ls",
        "ssh -p 2222 ubuntu@bastion.acme.io",
        "restart getty@tty1.service and user@1000.service",
        "wg-quick@wg0.service",
        "https://4f1c8a2e9d3b@o48.ingest.acme.io/45",
        "Message-ID: <2024.4821@mailer7.widgets.io>",
        "lodash@4.17.21",
        "Set the resolver to 8.8.8.8.",
        "nameserver 9.9.9.9",
        "The SNMP OID prefix is 1.3.6.1.",
        "Version 2.0.0.1",
        "route 8.8.8.0/24",
        "224.0.0.251 is multicast",
        "Firmware 3.10.12.4",
        "Documentation uses 192.0.2.1 and 2001:db8::1.",
        "Buses leave at 0930 1015 1100 1145.",
        "06.12 06.42 07.12 07.42",
        "Opening hours 0900-1700",
        "1 2 3 5 8 13 21 34 55 89 144 233",
    ],
)
def test_technical_forms_are_no_personal_data(text):
    assert found(text) == []
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("git@mayer-home.net", "EMAIL_ADDRESS"),
        ("Her address is anna@posteo.net: write to her.", "EMAIL_ADDRESS"),
        ("anna@posteo.net:hunter22", "EMAIL_ADDRESS"),
        ("I use ssh, mail me at anna@posteo.net", "EMAIL_ADDRESS"),
        ("mailto:anna@posteo.net?subject=x", "EMAIL_ADDRESS"),
        ("The client came from 81.2.69.142.", "IP_ADDRESS"),
        ("Her IP address was 8.8.4.4.", "IP_ADDRESS"),
        ("Tel. 0930 1015 1100", "PHONE_NUMBER"),
        ("0171 1234567", "PHONE_NUMBER"),
        ("06.12.34.56.78", "PHONE_NUMBER"),
    ],
)
def test_personal_data_of_nearly_the_same_form_is_found(text, kind):
    assert [name for name, _ in found(text)] == [kind]
