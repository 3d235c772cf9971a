"""Certificates that someone renews while the service runs, on both sides of both transports."""

from pathlib import Path

import pytest
import trustme
from support.receivers import Receivers, receivers
from support.spans import body, span

from otel_llm.config.send import DestinationSettings
from otel_llm.send.client import OtlpClient, open_client
from otel_llm.send.reply import Reply


class Authority:
    """One that issues certificates, and writes them over those of before."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder

    def issue(self, name: str) -> dict[str, str]:
        issued = self._authority.issue_cert("127.0.0.1")
        paths = {"cert_file": self._folder / f"{name}.pem", "key_file": self._folder / f"{name}.key"}
        issued.cert_chain_pems[0].write_to_path(str(paths["cert_file"]))
        issued.private_key_pem.write_to_path(str(paths["key_file"]))
        return {key: str(path) for key, path in paths.items()}

    def trust(self, name: str) -> str:
        path = self._folder / f"{name}-ca.pem"
        self._authority.cert_pem.write_to_path(str(path))
        return str(path)


@pytest.fixture(params=["https", "grpcs"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


def opened(scheme: str, at: Receivers, tls: dict[str, str]) -> OtlpClient:
    endpoint = at.http if scheme == "https" else f"grpcs://{at.grpc}"
    return open_client(DestinationSettings(endpoint=endpoint, timeout_s=10, tls=tls))


def sent(scheme: str, at: Receivers, tls: dict[str, str]) -> Reply:
    """Over a connection of its own."""
    client = opened(scheme, at, tls)
    try:
        return client.export("traces", body(span()), {})
    finally:
        client.close()


def test_a_receiver_shows_a_certificate_that_was_renewed(tmp_path: Path, scheme: str) -> None:
    before, after = Authority(tmp_path), Authority(tmp_path)
    with receivers(tls=before.issue("server")) as at:
        assert sent(scheme, at, {"ca_file": before.trust("before")}).kind == "delivered"
        after.issue("server")
        assert sent(scheme, at, {"ca_file": after.trust("after")}).kind == "delivered"
        assert sent(scheme, at, {"ca_file": before.trust("before")}).kind == "retry"


def test_a_receiver_trusts_senders_of_an_authority_that_was_added(tmp_path: Path, scheme: str) -> None:
    server, added = Authority(tmp_path), Authority(tmp_path)
    trusted = Path(server.trust("senders"))
    sender = added.issue("sender") | {"ca_file": server.trust("server")}
    with receivers(tls=server.issue("server") | {"client_ca_file": str(trusted)}) as at:
        assert sent(scheme, at, sender).kind == "retry"
        trusted.write_text(trusted.read_text() + Path(added.trust("added")).read_text())
        assert sent(scheme, at, sender).kind == "delivered"


def test_a_receiver_keeps_its_certificate_while_the_new_one_is_half_written(
    tmp_path: Path, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    before, after = Authority(tmp_path), Authority(tmp_path)
    tls = before.issue("server")
    with receivers(tls=tls) as at:
        key = Path(tls["key_file"]).read_text()
        after.issue("server")
        renewed = Path(tls["key_file"]).read_text()
        Path(tls["key_file"]).write_text(key)  # the new certificate is there, its key is not yet
        for _ in range(3):
            assert sent(scheme, at, {"ca_file": before.trust("before")}).kind == "delivered"
        assert caplog.text.count("what was read before stays good") == 1
        assert tls["cert_file"] in caplog.text
        Path(tls["key_file"]).write_text(renewed)
        assert sent(scheme, at, {"ca_file": after.trust("after")}).kind == "delivered"


def test_a_sender_shows_a_certificate_that_was_renewed(tmp_path: Path, scheme: str) -> None:
    server, before, after = Authority(tmp_path), Authority(tmp_path), Authority(tmp_path)
    tls = server.issue("server") | {"client_ca_file": after.trust("senders")}
    with receivers(tls=tls) as at:
        client = opened(scheme, at, before.issue("sender") | {"ca_file": server.trust("server")})
        assert client.export("traces", body(span()), {}).kind == "retry"
        after.issue("sender")
        assert client.export("traces", body(span()), {}).kind == "delivered"
        client.close()


def test_a_sender_goes_on_with_its_certificate_while_the_new_one_is_none(
    tmp_path: Path, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    with receivers(tls=authority.issue("server") | {"client_ca_file": authority.trust("senders")}) as at:
        tls = authority.issue("sender") | {"ca_file": authority.trust("server")}
        client = opened(scheme, at, tls)
        Path(tls["cert_file"]).write_text("half of i")
        assert client.export("traces", body(span()), {}).kind == "delivered"
        assert "tls.cert_file" in caplog.text
        client.close()
