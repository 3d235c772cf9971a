"""TLS handshakes that fail over HTTP: what the log says of them."""

import ssl
from pathlib import Path

import httpx
import pytest
import trustme
from support.receivers import receivers


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    """The receivers' settings: senders must have a certificate of the authority."""
    paths = {key: str(tmp_path / key) for key in ("cert_file", "key_file", "client_ca_file")}
    server = authority.issue_cert("127.0.0.1")
    server.cert_chain_pems[0].write_to_path(paths["cert_file"])
    server.private_key_pem.write_to_path(paths["key_file"])
    authority.cert_pem.write_to_path(paths["client_ca_file"])
    return paths


def test_a_handshake_that_fails_is_a_line_which_says_from_where_and_why(
    tls: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with receivers(tls=tls) as at:
        for _ in range(3):  # the first at once, the others in a line ten seconds later
            with pytest.raises(httpx.HTTPError):
                httpx.get(at.http.replace("https", "http"))
    [line] = caplog.records
    assert (line.levelname, line.message, line.reason) == ("WARNING", "refused", "tls_handshake")
    assert (line.transport, line.count) == ("http", 1)
    assert line.detail.startswith("127.0.0.1: [SSL: HTTP_REQUEST] http request")


def test_a_sender_that_does_not_trust_the_receiver_is_named(
    tls: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with receivers(tls=tls) as at, pytest.raises(httpx.ConnectError):
        httpx.get(at.http)
    [line] = caplog.records
    assert line.detail.startswith("127.0.0.1: [SSL: TLSV1_ALERT_UNKNOWN_CA]")


def test_a_sender_without_a_certificate_is_named(
    authority: trustme.CA, tls: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with receivers(tls=tls) as at, pytest.raises(httpx.HTTPError):
        httpx.get(at.http, verify=context)
    [line] = caplog.records
    assert line.detail.startswith("127.0.0.1: [SSL: PEER_DID_NOT_RETURN_A_CERTIFICATE]")


def test_who_comes_with_a_certificate_leaves_no_line(
    authority: trustme.CA, tls: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    authority.issue_cert("sender").configure_cert(context)
    with receivers(tls=tls) as at:
        assert httpx.get(f"{at.http}/v1/traces", verify=context).status_code == 405
    assert [line.reason for line in caplog.records] == ["method"]
