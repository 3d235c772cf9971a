"""Certificates of a destination, checked at the start: later, nobody would see the error."""

from __future__ import annotations

import ssl

from otel_llm.config.send import DestinationTls
from otel_llm.errors import ConfigError


def client_context(tls: DestinationTls) -> ssl.SSLContext:
    """Return the TLS context: the authorities to trust, and the certificate to show if asked.

    Raises:
        ConfigError: a file cannot be read, or is no certificate or key.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"tls.ca_file {str(tls.ca_file)!r} must be certificates in PEM: {error}") from error
    try:
        if tls.cert_file:
            # without a password argument, OpenSSL asks on the terminal for that of an encrypted key
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"tls.cert_file {str(tls.cert_file)!r} and key_file {str(tls.key_file)!r} must be a certificate and "
            f"its key, in PEM: {error}"
        ) from error
    return context
