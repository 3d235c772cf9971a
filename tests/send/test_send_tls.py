"""TLS to our own receivers, over both transports, with real certificates."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from support.receivers import MemorySink, Receivers, receivers, wait_until
from support.spans import body, span

from otel_llm.config.send import DestinationSettings
from otel_llm.errors import ConfigError
from otel_llm.send.client import open_client
from otel_llm.send.lane import SendOutcome
from otel_llm.send.reply import Reply
from otel_llm.send.sender import Sender

SCHEMES = ["https", "grpcs"]


@dataclass
class Files:
    """Certificates of one authority, in a folder."""

    folder: Path
    authority: trustme.CA

    def pair(self, name: str) -> dict[str, str]:
        """The files of a certificate for that name, and of its key."""
        issued = self.authority.issue_cert(name)
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(str(paths[0]))
        issued.private_key_pem.write_to_path(str(paths[1]))
        return {"cert_file": str(paths[0]), "key_file": str(paths[1])}

    @property
    def ca_file(self) -> str:
        path = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(path))
        return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("files"), trustme.CA())


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Of an authority that the receivers do not know."""
    return Files(tmp_path_factory.mktemp("stranger"), trustme.CA())


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


def settings(scheme: str, at: Receivers, tls: dict[str, str], **more: object) -> DestinationSettings:
    endpoint = at.http if scheme == "https" else f"grpcs://{at.grpc}"
    return DestinationSettings(endpoint=endpoint, timeout_s=10, tls=tls, **more)


def export(given: DestinationSettings) -> Reply:
    client = open_client(given)
    try:
        return client.export("traces", body(span()), {})
    finally:
        client.close()


def test_a_receiver_of_a_known_authority_is_sent_to(files: Files, scheme: str) -> None:
    with receivers(tls=files.pair("127.0.0.1")) as at:
        assert export(settings(scheme, at, {"ca_file": files.ca_file})) == Reply("delivered")
        assert [each.span_id for each in at.sink.spans()] == [span().span_id]


@pytest.mark.parametrize("known", ["another's", "the system's"])
def test_a_receiver_of_an_unknown_authority_is_tried_again_and_the_reason_says_why(
    files: Files, stranger: Files, scheme: str, known: str
) -> None:
    tls = {"ca_file": stranger.ca_file} if known == "another's" else {}
    with receivers(tls=files.pair("127.0.0.1")) as at:
        reply = export(settings(scheme, at, tls))
        assert reply.kind == "retry"
        assert "CERTIFICATE_VERIFY_FAILED" in reply.reason
        assert at.sink.requests == []


def test_a_receiver_with_another_name_is_not_sent_to(files: Files, scheme: str) -> None:
    with receivers(tls=files.pair("backend.example")) as at:
        reply = export(settings(scheme, at, {"ca_file": files.ca_file}))
        assert reply.kind == "retry"
        assert re.search("certificate is not valid for|Hostname Verification Check failed", reply.reason)
        assert at.sink.requests == []


def test_a_certificate_of_ours_is_shown_where_the_receiver_asks_for_one(
    files: Files, stranger: Files, scheme: str
) -> None:
    with receivers(tls=files.pair("127.0.0.1") | {"client_ca_file": files.ca_file}) as at:
        assert export(settings(scheme, at, {"ca_file": files.ca_file, **files.pair("sender")})).kind == "delivered"
        for tls in ({}, stranger.pair("sender")):
            reply = export(settings(scheme, at, {"ca_file": files.ca_file, **tls}))
            assert reply.kind == "retry"
        assert len(at.sink.requests) == 1


def test_what_could_not_be_sent_for_a_certificate_is_a_dead_letter_that_says_so(
    files: Files, stranger: Files, scheme: str
) -> None:
    class Uncounted:
        def sent(self, *_: object) -> None: ...

        def send_failed(self, *_: object) -> None: ...

    outcomes: list[SendOutcome] = []
    retry = {"initial_s": 0.05, "max_s": 0.1, "max_elapsed_s": 0.5}
    with receivers(MemorySink(), tls=files.pair("127.0.0.1")) as at:
        given = settings(scheme, at, {"ca_file": stranger.ca_file}, connections=1, batch_delay_s=0, retry=retry)
        sender = Sender("backend", open_client(given), given, Uncounted())
        sender.send("traces", body(span()), 1, "", outcomes.append)
        wait_until(lambda: outcomes)
        assert sender.close(5) == 0
    assert outcomes[0].refused == [body(span())]
    assert "CERTIFICATE_VERIFY_FAILED" in outcomes[0].reason
    assert outcomes[0].reason.endswith("for 0.5 s")


def test_files_that_cannot_be_used_are_an_error_at_start_that_names_the_setting(
    files: Files, stranger: Files, scheme: str, tmp_path: Path
) -> None:
    good, other = files.pair("sender"), stranger.pair("sender")
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("no certificate")
    for tls, message in (
        (
            {"ca_file": tmp_path / "missing.pem"},
            r"tls\.ca_file .*missing\.pem' must be certificates in PEM: .*No such",
        ),
        ({"ca_file": no_pem}, r"tls\.ca_file .*no\.pem' must be certificates in PEM"),
        (good | {"cert_file": no_pem}, r"tls\.cert_file .*no\.pem' and key_file .*sender\.key' must be"),
        (good | {"key_file": no_pem}, r"tls\.cert_file .*sender\.pem' and key_file .*no\.pem' must be"),
        (good | {"key_file": other["key_file"]}, r"must be a certificate and its key, in PEM: .*MISMATCH"),
    ):
        with pytest.raises(ConfigError, match=message):
            open_client(DestinationSettings(endpoint=f"{scheme}://127.0.0.1:1", tls=tls))
