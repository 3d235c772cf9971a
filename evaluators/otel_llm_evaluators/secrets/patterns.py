"""The forms of secrets: keys and tokens of known issuers, and values assigned to the name of a secret.

Formats are those of the issuers' documentation or, without one, those of gitleaks
(https://github.com/gitleaks/gitleaks, config/gitleaks.toml, commit 009e025).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otel_llm.evaluate.api import (
    COMMAND_MARK,
    SECRET_LABEL,
    Rule,
    any_of,
    find_command_secrets,
    find_labelled_secrets,
)
from otel_llm_evaluators.secrets.checks import LIKELY, github, jwt, labelled, password_in_url, private_key, random


def _key(kind: str, mark: str, pattern: str, confidence: float | Callable[[str], float] | None = None) -> Rule:
    return Rule(type=kind, mark=mark, pattern=pattern, confidence=confidence or random())


_GITLAB: Final = "gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-"
_MODEL_PROVIDERS: Final = any_of(
    r"gsk_[A-Za-z0-9]{52} xai-[A-Za-z0-9]{80} pplx-[A-Za-z0-9]{48} nvapi-[\w-]{60,70} r8_[A-Za-z0-9]{37}"
    r" fw_[A-Za-z0-9]{22,24} tvly-(?:dev-)?[A-Za-z0-9]{32}"
)
_CLOUDS: Final = any_of(
    r"do[opr]_v1_[a-f0-9]{64} dapi[a-f0-9]{32}(?:-\d)? shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32} hv[sbr]\.[\w-]{24,300}"
    r" dckr_pat_[\w-]{27} ATATT3[\w=-]{100,250} ntn_[A-Za-z0-9]{46} lin_api_[A-Za-z0-9]{40}"
    r" glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"
)

RULES: Final = (
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html, "unique ID prefixes"
    _key("AWS_ACCESS_KEY", "(?:AKIA|ASIA|ABIA|ACCA)", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    Rule(
        type="AWS_SECRET_KEY",
        mark=r"(?i)aws|secret",
        pattern=r"(?i)(?:aws|secret)[\w .-]{0,30}[\"']?\s{0,3}(?:=|:|=>|:=)\s{0,3}[\"']?([A-Za-z0-9/+]{40})",
        confidence=random(0.9),
    ),
    # https://cloud.google.com/docs/authentication/api-keys; OAuth: gitleaks
    _key("GOOGLE_API_KEY", "AIza", r"AIza[\w-]{35}"),
    _key("GOOGLE_OAUTH", r"GOCSPX-|ya29\.", r"GOCSPX-[\w-]{28}|ya29\.[\w-]{30,}"),
    # https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    _key("GITHUB_TOKEN", r"gh[oprsu]_", r"gh[oprsu]_[A-Za-z0-9]{36}", github),
    _key("GITHUB_TOKEN", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    # https://docs.gitlab.com/security/tokens/#token-prefixes
    _key("GITLAB_TOKEN", _GITLAB, rf"{_GITLAB}[\w-]{{20,64}}(?:\.[\w.]{{9,20}})?"),
    # https://docs.slack.dev/authentication/tokens
    _key("SLACK_TOKEN", "xox[abeoprs]", r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{20,250}"),
    _key("SLACK_TOKEN", "xapp-", r"xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]{32,128}"),
    _key(
        "SLACK_WEBHOOK", "hooks.slack", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,60}"
    ),
    # https://docs.stripe.com/keys
    _key(
        "STRIPE_KEY",
        r"[sr]k_(?:live|test|prod)_|whsec_",
        r"(?:[sr]k_(?:live|test|prod)|whsec)_[A-Za-z0-9]{16,250}",
    ),
    # OpenAI: all keys since 2022 have these letters within, "OpenAI" in base 64
    _key("OPENAI_KEY", "T3BlbkFJ", r"sk-(?:[A-Za-z]{4,10}-)?[\w-]{16,80}T3BlbkFJ[\w-]{16,80}"),
    _key("OPENAI_KEY", "sk-", r"sk-(?:(?:proj|svcacct|admin)-[\w-]{40,200}|[A-Za-z0-9]{48})", random(LIKELY)),
    # https://docs.anthropic.com/en/api/admin-api/apikeys; length: gitleaks
    _key("ANTHROPIC_KEY", "sk-ant-", r"sk-ant-(?:api|admin|sid|oat)\d\d-[\w-]{80,120}"),
    _key("OPENROUTER_KEY", "sk-or-", r"sk-or-v1-[0-9a-f]{64}"),
    # https://huggingface.co/docs/hub/security-tokens; length: gitleaks
    _key("HUGGINGFACE_TOKEN", r"hf_|api_org_", r"(?:hf_|api_org_)[A-Za-z]{34}"),
    # Groq, xAI, Perplexity, NVIDIA, Replicate, Fireworks, Tavily: gitleaks, and keys that they issue
    _key("MODEL_PROVIDER_KEY", "gsk_|xai-|pplx-|nvapi-|r8_|fw_|tvly-", _MODEL_PROVIDERS),
    # https://github.blog/security/announcing-npms-new-access-token-format: checked as GitHub's are
    _key("NPM_TOKEN", "npm_", r"npm_[A-Za-z0-9]{36}", github),
    # https://docs.pypi.org: a macaroon of pypi.org in base 64
    _key("PYPI_TOKEN", "pypi-Ag", r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[\w-]{50,}"),
    # https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys
    _key("SENDGRID_KEY", r"SG\.", r"SG\.[\w-]{22}\.[\w-]{43}"),
    # https://www.twilio.com/docs/glossary/what-is-a-sid
    _key("TWILIO_KEY", "(?:SK|AC)[0-9a-f]{8}", r"SK[0-9a-f]{32}", random(LIKELY)),
    # https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
    _key("AZURE_STORAGE_KEY", r"AccountKey=", r"AccountKey=([A-Za-z0-9+/]{86}==)"),
    _key("AZURE_CLIENT_SECRET", r"\dQ~", r"[A-Za-z0-9_~.]{3}\dQ~[\w~.-]{31,34}"),
    # DigitalOcean, Databricks, Shopify, Vault, Docker, Atlassian, Notion, Linear, Grafana: gitleaks
    _key("CLOUD_TOKEN", r"do[opr]_v1_|dapi|shp|hv[sbr]\.|dckr_pat_|ATATT3|ntn_|lin_api_|glsa_", _CLOUDS),
    # https://core.telegram.org/bots/features#botfather; Discord: gitleaks
    _key("BOT_TOKEN", r":AA[\w-]{30}", r"\d{8,10}:AA[\w-]{33}"),
    _key("AGE_SECRET_KEY", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}"),
    # RFC 7468, and labels of OpenSSH and OpenPGP; a cut block counts, too
    Rule(
        type="PRIVATE_KEY",
        mark="PRIVATE KEY",
        pattern=r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-])*"
        r"(?:-----END [A-Z0-9 ]+-----)?",
        confidence=private_key,
    ),
    # RFC 7519
    Rule(type="JWT", mark=r"eyJ[\w-]{8}", pattern=r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}", confidence=jwt),
    Rule(
        type="PASSWORD_IN_URL",
        mark=r"://",
        pattern=r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/?#@\"']{0,64}:([^\s/?#@\"']{3,200})@[\w.\[-]",
        confidence=password_in_url,
    ),
    Rule(
        type="AUTHORIZATION",
        mark=r"(?i)bearer |basic ",
        pattern=r"(?i)authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:bearer|basic|token) ([\w.~+/=-]{16,})",
        confidence=random(LIKELY),
    ),
    Rule(
        type="SECRET_ASSIGNMENT",
        mark=SECRET_LABEL,
        pattern=find_labelled_secrets,
        confidence=labelled,
    ),
    Rule(type="PASSWORD_IN_COMMAND", mark=COMMAND_MARK, pattern=find_command_secrets, confidence=labelled),
)
"""Rules in any order: of overlapping findings the surest is kept."""
