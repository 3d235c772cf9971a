import json
import random
import string
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.calls import call_with

from otel_llm.errors import ModelError
from otel_llm.evaluate.finding.findings import without_overlaps
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm_evaluators.secrets.checks import entropy
from otel_llm_evaluators.secrets.evaluator import Secrets

(SECRETS,) = load_evaluators(["secrets"])
CASES = [
    json.loads(line)
    for line in (SECRETS.manifest.folder / "cases.jsonl").read_text(encoding="utf-8").strip().split("\n")
]
ALPHABET = string.ascii_letters + string.digits
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def made_up(length, alphabet=ALPHABET):
    return "".join(random.Random(length).choices(alphabet, k=length))


def github_token(prefix="ghp_"):
    secret, check, digits = made_up(30), zlib.crc32(made_up(30).encode()), ""
    while check:
        check, digit = divmod(check, 62)
        digits = BASE62[digit] + digits
    return f"{prefix}{secret}{digits:0>6}"


def found(text):
    return [
        (finding.type, text[finding.start : finding.end])
        for finding in without_overlaps(SECRETS.find(text))
        if finding.confidence >= SECRETS.manifest.threshold
    ]


# put together here, so that a scanner of repositories does not take them for leaks
@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("AWS_ACCESS_KEY", "AKIA" + made_up(16, string.ascii_uppercase + "234567")),
        ("GOOGLE_API_KEY", "AIza" + made_up(35)),
        ("GITHUB_TOKEN", github_token()),
        ("GITHUB_TOKEN", "github_pat_" + made_up(22) + "_" + made_up(59)),
        ("GITLAB_TOKEN", "glpat-" + made_up(20)),
        ("SLACK_TOKEN", "xoxb-" + made_up(12, string.digits) + "-" + made_up(24)),
        ("STRIPE_KEY", "sk_live_" + made_up(24)),
        ("OPENAI_KEY", "sk-proj-" + made_up(74) + "T3BlbkFJ" + made_up(74)),
        ("ANTHROPIC_KEY", "sk-ant-api03-" + made_up(93) + "AA"),
        ("HUGGINGFACE_TOKEN", "hf_" + made_up(34, string.ascii_letters)),
        ("NPM_TOKEN", github_token("npm_")),
        ("SENDGRID_KEY", "SG." + made_up(22) + "." + made_up(43)),
        ("TWILIO_KEY", "SK" + made_up(32, "0123456789abcdef")),
    ],
)
def test_a_key_is_found_wherever_it_stands(kind, secret):
    for text in (secret, f"Use {secret}, please.", f'key = "{secret}"', f"Schlüssel → {secret}\n"):
        assert (kind, secret) in found(text)


def test_a_github_token_with_a_wrong_checksum_is_none():
    token = github_token()
    assert found(f"Use {token}.")
    assert found(f"Use {token[:-1]}{'0' if token[-1] != '0' else '1'}.") == []


def test_a_jwt_needs_a_header_that_names_an_algorithm():
    head = "eyJhbGciOiJIUzI1NiJ9"  # {"alg":"HS256"}
    body, signature = "eyJzdWIiOiIxMjM0In0", made_up(43)
    assert found(f"It is {head}.{body}.{signature}") == [("JWT", f"{head}.{body}.{signature}")]
    assert found(f"It is eyJhbGciXiJIUzI1NiJ9.{body}.{signature}") == []


@pytest.mark.parametrize(
    "text",
    [
        "api_key = 'YOUR_API_KEY'", "password=changeme", "token: <token>", "password = os.environ['PASSWORD']",
        "sk-...", "postgres://user:password@localhost/db", "postgres://app:${DB_PASSWORD}@db/x",
        "secret = secrets.token_hex(32)", "AKIAIOSFODNN7EXAMPLE", "password: ********",
        "token = self.next_token()",
    ],
)  # fmt: skip
def test_placeholders_and_code_are_no_secrets(text):
    assert found(text) == []


def test_of_a_long_text_both_ends_are_read():
    bounded = Secrets(SECRETS.manifest.model_copy(update={"options": {"max_characters": 2000}}))
    token, rest = github_token(), "- " * 25_000
    for text in (f"{token} {rest}", f"{rest}{token}"):
        (finding,) = bounded.find(text)
        assert text[finding.start : finding.end] == token
    assert list(bounded.find(f"{rest}{token} {rest}")) == []
    assert len(list(SECRETS.find(f"{rest}{token} {rest[:1000]}"))) == 1


def test_wrong_options_are_refused_by_name():
    for options, message in (({"max_characters": 0}, "options.max_characters: .*got 0"), ({"a": 1}, "options.a")):
        with pytest.raises(ModelError, match=message):
            Secrets(SECRETS.manifest.model_copy(update={"options": options}))


def test_no_result_contains_a_secret():
    explained = 0
    for case in CASES:
        text = case.get("input") or case.get("output", "")
        call = call_with(question=case.get("input"), answer=case.get("output"))
        secrets = [text[finding.start : finding.end] for finding in SECRETS.find(text)]
        for explanation in filter(None, [result.explanation for result in SECRETS.evaluate(call, {})]):
            assert [secret for secret in secrets if secret in explanation] == []
            explained += bool(secrets)
    assert explained > len(CASES) // 4


def test_entropy_is_in_bits_per_character():
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_findings_lie_within_any_text(around):
    text = f"password: {around} sk-{around}"
    assert all(0 <= each.start < each.end <= len(text) for each in SECRETS.find(text))


def test_a_text_of_repeated_prefixes_takes_linear_time():
    import time

    def seconds(text):
        started = time.thread_time()
        list(SECRETS.find(text))
        return time.thread_time() - started

    for piece in ("eyJaaaaaaaaaa.", "password=", "-----BEGIN PRIVATE KEY-----", "://a:b@", "sk-", "api_key: a"):
        assert seconds(piece * 20_000) < 20 * seconds(piece * 2_000) + 0.5, piece
