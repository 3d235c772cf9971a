"""Certificates of a destination, checked when the service starts: at the first request nobody is there to see."""

from __future__ import annotations

import ssl

from otel_llm.config.send import DestinationTls
from otel_llm.errors import ConfigError


def client_context(tls: DestinationTls) -> ssl.SSLContext:
    """Return what is trusted, and shown where the receiver asks for a certificate.

    Raises:
        ConfigError: a file cannot be read, or is not what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"tls.ca_file {str(tls.ca_file)!r} must be certificates in PEM: {error}") from error
    try:
        if tls.cert_file:
            # without a password, OpenSSL would ask for that of an encrypted key on the terminal
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"tls.cert_file {str(tls.cert_file)!r} and key_file {str(tls.key_file)!r} must be a certificate and "
            f"its key, in PEM: {error}"
        ) from error
    return context
