"""Settings of the push to a Grafana."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from otel_llm.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class PushSettings:
    """The Grafana that a dashboard is pushed to; the options of the command have the same names."""

    url: str
    """URL of Grafana, with its path if it is served below a path."""
    token: str = field(repr=False)
    """Token of a service account with the role Editor."""
    folder: str = "LLM"
    """Title of the folder for the dashboard; made if it does not exist."""
    datasource: str | None = None
    """Name or uid of the Prometheus data source that is selected at first; None means Grafana's default."""


def read_push_settings(
    environment: Mapping[str, str] | None = None, *, url: str | None, token: str | None, **options: str | None
) -> PushSettings:
    """Return the settings from the options; without them, URL and token from GRAFANA_URL and GRAFANA_TOKEN.

    Args:
        environment: None means os.environ.
        url: the URL of Grafana.
        token: the token of a service account.
        options: the other fields; None means the default.

    Raises:
        ConfigError: the URL or the token is missing or wrong.
    """
    environment = os.environ if environment is None else environment
    url = (url or environment.get("GRAFANA_URL", "")).strip()
    token = (token or environment.get("GRAFANA_TOKEN", "")).strip()
    if not url:
        raise ConfigError("--url (or GRAFANA_URL) must be where Grafana is, such as http://localhost:3000")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"--url (or GRAFANA_URL) must be a URL such as http://localhost:3000, got {url!r}")
    if not token:
        raise ConfigError(
            "--token (or GRAFANA_TOKEN) must be a service account's token: in Grafana, Administration, "
            "Users and access, Service accounts, add one with the role Editor and a token"
        )
    return PushSettings(url=url, token=token, **{key: value for key, value in options.items() if value})
