"""Who may send: certificates, bearer tokens, tenants."""

from __future__ import annotations

import functools
import hmac
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import grpc

from otel_llm.config.receive import ReceiverSettings, TlsSettings
from otel_llm.errors import ConfigError
from otel_llm.receive.refusal import Reason, Refusal
from otel_llm.watched import Watched

Header = Callable[[str], str | None]
"""Returns the value of a header, or of gRPC metadata, by its name in lower case."""

_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1
_TENANT: Final = re.compile(r"[A-Za-z0-9!._*'()-]{1,150}")  # what Loki, Tempo and Mimir take


class Guard:
    """Says whose request it is, from its headers, or refuses it."""

    def __init__(self, settings: ReceiverSettings) -> None:
        """Read the tokens.

        Raises:
            ConfigError: their file cannot be read, or is not one token a line.
        """
        path = settings.bearer_tokens_file
        self._tokens = TokenFile(path) if path else None
        self._tenant_header = (settings.tenant_header or "").lower()
        self._max_tenants = settings.max_tenants
        self._tenants: set[str] = set()

    def tenant(self, header: Header) -> str:
        """Return the tenant; "" where the request names none, or tenants are not told apart.

        A new one counts once something of it was taken: see `remember`.

        Raises:
            Refusal: it shows no token of ours, or its tenant is not taken.
        """
        if self._tokens and not self._tokens.knows(header("authorization") or ""):
            raise Refusal(
                Reason.UNAUTHENTICATED,
                "Authorization must be Bearer and a token of receive.bearer_tokens_file: "
                "set OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN",
            )
        name = header(self._tenant_header) if self._tenant_header else None
        return self._known(name) if name else ""

    def _known(self, name: str) -> str:
        if name in self._tenants:
            return name
        if not _TENANT.fullmatch(name):
            raise Refusal(
                Reason.MALFORMED,
                f"{self._tenant_header} must be 1 to 150 letters, digits and !-_.*'(), got {name[:150]!r}",
            )
        if len(self._tenants) >= self._max_tenants:
            raise Refusal(
                Reason.FORBIDDEN,
                f"tenant {name!r} is one more than receive.max_tenants ({self._max_tenants}): "
                "raise it, or restart the service to forget old ones",
            )
        return name

    def remember(self, tenant: str) -> None:
        """Count a tenant of which something was taken."""
        if tenant:
            self._tenants.add(tenant)


class TokenFile:
    """The tokens in a file; they are read again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Read them.

        Raises:
            ConfigError: the file cannot be read, or is not one token a line.
        """
        self._tokens = Watched([path], functools.partial(_read_tokens, path))

    def knows(self, authorization: str) -> bool:
        """Return whether the value of an Authorization header shows one of the tokens."""
        self._tokens.renew()
        scheme, _, token = authorization.partition(" ")
        shown = token.strip().encode()
        # all are compared, so that the time it takes says nothing about any of them
        matches = [hmac.compare_digest(shown, known) for known in self._tokens.value]
        return scheme.lower() == "bearer" and any(matches)


def _read_tokens(path: Path) -> list[bytes]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"receive.bearer_tokens_file {str(path)!r} cannot be read: {error.strerror}") from error
    tokens = []
    for number, line in enumerate(lines, 1):
        token = line.strip()
        if token and not _TOKEN.fullmatch(token):  # the line itself is not told: it is a secret
            raise ConfigError(
                f"receive.bearer_tokens_file {str(path)!r}: line {number} must be one token of letters, digits "
                "and -._~+/, as in `openssl rand -hex 32`"
            )
        if token:
            tokens.append(token)
    if not tokens:
        raise ConfigError(f"receive.bearer_tokens_file {str(path)!r} has no token: nobody could send")
    return tokens


class HttpTls:
    """The certificates of the HTTP port; they are read again when their files have changed."""

    def __init__(self, tls: TlsSettings) -> None:
        """Read them.

        Raises:
            ConfigError: a file cannot be read, or is not what it should be.
        """
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        """What the connections are made with. New certificates are for new ones; who was trusted stays so."""
        if tls.client_ca_file:
            self.context.verify_mode = ssl.CERT_REQUIRED
        self._files = Watched(_paths(tls), functools.partial(self._load, tls))

    def renew(self) -> None:
        """Read them again where that is due."""
        self._files.renew()

    def _load(self, tls: TlsSettings) -> None:
        _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tls)  # half of what is wrong would be in use already
        _load(self.context, tls)


def grpc_tls(tls: TlsSettings) -> grpc.ServerCredentials | None:
    """Return gRPC's credentials, which are read again when their files have changed; None without a certificate.

    Raises:
        ConfigError: a file cannot be read, or is not what it should be.
    """
    if tls.cert_file is None:
        return None
    files = Watched(_paths(tls), functools.partial(_grpc_certificates, tls))
    return grpc.dynamic_ssl_server_credentials(
        files.value,
        # called before each handshake; None is for no change, which the types do not know
        lambda: files.value if files.renew() else None,  # type: ignore[arg-type,return-value]
        require_client_authentication=tls.client_ca_file is not None,
    )


def _paths(tls: TlsSettings) -> tuple[Path | None, ...]:
    return tls.cert_file, tls.key_file, tls.client_ca_file


def _grpc_certificates(tls: TlsSettings) -> grpc.ServerCertificateConfiguration:
    _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tls)  # gRPC would not say which file is wrong
    certificate, key, senders = (path.read_bytes() if path else b"" for path in _paths(tls))
    return grpc.ssl_server_certificate_configuration([(key, certificate)], senders or None)


def _load(context: ssl.SSLContext, tls: TlsSettings) -> None:
    """Load the files, or say which of them is wrong and which setting names it."""
    try:
        # without a password, OpenSSL would ask for that of an encrypted key on the terminal
        context.load_cert_chain(str(tls.cert_file), tls.key_file, password="")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"receive.tls.cert_file {str(tls.cert_file)!r} and key_file {str(tls.key_file)!r} must be a "
            f"certificate and its key, in PEM: {error}"
        ) from error
    try:
        if tls.client_ca_file:
            context.load_verify_locations(tls.client_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"receive.tls.client_ca_file {str(tls.client_ca_file)!r} must be certificates in PEM: {error}"
        ) from error
