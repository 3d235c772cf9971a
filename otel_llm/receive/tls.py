"""Certificates of the receivers, read again when their files change."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path

import grpc

from otel_llm.config.receive import TlsSettings
from otel_llm.errors import ConfigError
from otel_llm.watched import Watched


class HttpTls:
    """The certificates of the HTTP port, read again when their files have changed. Used in the event loop."""

    def __init__(self, tls: TlsSettings) -> None:
        """Read the certificates.

        Raises:
            ConfigError: a file cannot be read, or is no certificate or key.
        """
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        """Context of the connections. New certificates hold for new connections; trusted CAs stay trusted."""
        if tls.client_ca_file:
            self.context.verify_mode = ssl.CERT_REQUIRED
        self._files = Watched(_paths(tls), functools.partial(self._load, tls))

    def renew(self) -> None:
        """Read the files again if they have changed."""
        self._files.renew()

    def _load(self, tls: TlsSettings) -> None:
        _load(
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tls
        )  # a trial: a failure would leave `self.context` half changed
        _load(self.context, tls)


def grpc_tls(tls: TlsSettings) -> grpc.ServerCredentials | None:
    """Return gRPC's credentials, read again when their files have changed; None without a certificate.

    Raises:
        ConfigError: a file cannot be read, or is no certificate or key.
    """
    if tls.cert_file is None:
        return None
    files = Watched(_paths(tls), functools.partial(_grpc_certificates, tls))
    return grpc.dynamic_ssl_server_credentials(
        files.value,
        # called before each handshake; None means no change, which gRPC's types do not know
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
    """Load the files.

    Raises:
        ConfigError: a file is wrong; the message names the setting and the file.
    """
    try:
        # without a password, OpenSSL would ask on the terminal for the password of an encrypted key
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
