"""TLS, client certificates, bearer tokens and tenants, over both transports."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest
import trustme
from google.rpc.code_pb2 import INVALID_ARGUMENT, PERMISSION_DENIED, UNAUTHENTICATED
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from pydantic import ValidationError
from support.receivers import JSON, PROTOBUF, Receivers, receivers
from support.spans import body, span

from otel_llm.config.receive import ReceiverSettings, TlsSettings
from otel_llm.errors import ConfigError
from otel_llm.otlp.signals import SIGNALS
from otel_llm.receive.security import Guard
from otel_llm.receive.tls import HttpTls, grpc_tls


@dataclass
class Certificates:
    authority: trustme.CA
    folder: Path

    def write(self, name: str, certificate: trustme.LeafCert) -> tuple[str, str]:
        """Return the paths of the certificate and its key."""
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.cert_chain_pems[0].write_to_path(str(paths[0]))
        certificate.private_key_pem.write_to_path(str(paths[1]))
        return str(paths[0]), str(paths[1])

    @property
    def ca_file(self) -> str:
        path = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(path))
        return str(path)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(trustme.CA(), tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server_files(certificates: Certificates) -> dict[str, str]:
    cert, key = certificates.write("server", certificates.authority.issue_cert("127.0.0.1"))
    return {"cert_file": cert, "key_file": key}


def export(channel: grpc.Channel, data: bytes, *, wait: bool = False, **metadata: str) -> bytes:
    pairs = [(key.replace("_", "-"), value) for key, value in metadata.items()]
    method = channel.unary_unary(f"/{SIGNALS['traces'].service}/Export")
    return method(data, timeout=20, metadata=pairs, wait_for_ready=wait)


def test_the_python_sdk_sends_over_tls(
    certificates: Certificates, server_files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):  # go before the exporter's own certificate_file in requests
        monkeypatch.delenv(name, raising=False)
    provider = TracerProvider()
    with provider.get_tracer("test").start_as_current_span("chat m") as sent:
        pass
    with receivers(tls=server_files) as at:
        credentials = grpc.ssl_channel_credentials(Path(certificates.ca_file).read_bytes())
        for exporter in (
            HttpSpans(endpoint=f"{at.http}/v1/traces", certificate_file=certificates.ca_file),
            GrpcSpans(endpoint=at.grpc, credentials=credentials),
        ):
            assert exporter.export([sent]) is SpanExportResult.SUCCESS
            exporter.shutdown()
    provider.shutdown()
    assert at.http.startswith("https://")
    assert [span.name for span in at.sink.spans()] == ["chat m"] * 2


def test_plain_text_is_not_taken_where_there_is_tls(server_files: dict[str, str]) -> None:
    with receivers(tls=server_files) as at:
        with pytest.raises(httpx.HTTPError):
            httpx.post(f"{at.http.replace('https', 'http')}/v1/traces", content=body(span()), headers=PROTOBUF)
        with grpc.insecure_channel(at.grpc) as channel, pytest.raises(grpc.RpcError):
            export(channel, body(span()))
    assert at.sink.requests == []


def test_a_sender_without_a_certificate_of_the_authority_is_turned_away(
    certificates: Certificates, server_files: dict[str, str]
) -> None:
    ca_file = certificates.ca_file
    known = certificates.write("known", certificates.authority.issue_cert("sender"))
    stranger = certificates.write("stranger", trustme.CA().issue_cert("sender"))
    with receivers(tls=server_files | {"client_ca_file": ca_file}) as at:
        assert _post_with(at, ca_file, known).status_code == 200
        assert _export_with(at, ca_file, known) == b""
        for pair in (None, stranger):
            with pytest.raises(httpx.HTTPError):
                _post_with(at, ca_file, pair)
            with pytest.raises(grpc.RpcError) as caught:
                _export_with(at, ca_file, pair)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert len(at.sink.requests) == 2


def _post_with(at: Receivers, ca_file: str, pair: tuple[str, str] | None) -> httpx.Response:
    context = ssl.create_default_context(cafile=ca_file)
    if pair:
        context.load_cert_chain(*pair)
    with httpx.Client(verify=context, timeout=20) as client:
        return client.post(f"{at.http}/v1/traces", content=body(span()), headers=PROTOBUF)


def _export_with(at: Receivers, ca_file: str, pair: tuple[str, str] | None) -> bytes:
    cert, key = (Path(path).read_bytes() for path in pair) if pair else (None, None)
    credentials = grpc.ssl_channel_credentials(Path(ca_file).read_bytes(), key, cert)
    with grpc.secure_channel(at.grpc, credentials) as channel:
        return export(channel, body(span()))


@pytest.mark.parametrize("check", [HttpTls, grpc_tls])
def test_a_wrong_certificate_is_an_error_that_names_the_setting(
    certificates: Certificates,
    server_files: dict[str, str],
    tmp_path: Path,
    check: Callable[[TlsSettings], object],
) -> None:
    _, key_of_another = certificates.write("another", certificates.authority.issue_cert("other"))
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("no certificate")
    for wrong, message in (
        ({"key_file": key_of_another}, r"receive\.tls\.cert_file .* and key_file .* must be a certificate"),
        ({"cert_file": "/nowhere"}, r"receive\.tls\.cert_file '/nowhere'"),
        ({"client_ca_file": str(no_pem)}, r"receive\.tls\.client_ca_file .*no\.pem' must be certificates"),
    ):
        with pytest.raises(ConfigError, match=message):
            check(TlsSettings(**server_files | wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tls": {"cert_file": "a"}}, "both cert_file and key_file"),
        ({"tls": {"client_ca_file": "a"}}, "beside client_ca_file"),
        ({"tenant_header": "X Scope"}, "must be the name of a header"),
        ({"tenant_header": "x-tenant-bin"}, "not end in -bin"),
        ({"max_in_flight_bytes": 2048}, "must have a max_in_flight_bytes of max_request_bytes"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ReceiverSettings(**wrong)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("first-token\n\n  second~token==  \n")
    return path


@pytest.fixture
def guarded(tokens: Path) -> Iterator[Receivers]:
    with receivers(bearer_tokens_file=tokens) as running:
        yield running


def post(at: Receivers, headers: dict[str, str], signal: str = "traces") -> httpx.Response:
    return httpx.post(f"{at.http}/v1/{signal}", content=body(span()), headers=PROTOBUF | headers, timeout=20)


@pytest.mark.parametrize("shown", ["Bearer first-token", "bearer second~token=="])
def test_a_sender_with_a_token_is_heard(guarded: Receivers, shown: str) -> None:
    assert post(guarded, {"authorization": shown}).status_code == 200
    with grpc.insecure_channel(guarded.grpc) as channel:
        assert export(channel, body(span()), authorization=shown) == b""


@pytest.mark.parametrize("shown", [None, "", "Bearer", "Bearer first", "Basic first-token", "first-token"])
def test_a_sender_without_a_token_is_unauthenticated(guarded: Receivers, shown: str | None) -> None:
    headers = {} if shown is None else {"authorization": shown}
    response = post(guarded, headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert Status.FromString(response.content).code == UNAUTHENTICATED
    assert "first-token" not in response.text
    with grpc.insecure_channel(guarded.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
        export(channel, body(span()), **headers)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert guarded.sink.requests == []
    assert guarded.sink.asked == []  # nor is the queue asked


def test_an_unauthenticated_request_in_json_is_answered_in_json(guarded: Receivers) -> None:
    response = httpx.post(f"{guarded.http}/v1/traces", content=b"{}", headers=JSON)
    assert (response.status_code, response.json()["code"]) == (401, UNAUTHENTICATED)


def test_tokens_are_read_again_when_their_file_changes(
    guarded: Receivers, tokens: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = ({"authorization": f"Bearer {name}"} for name in ("first-token", "third"))
    assert [post(guarded, shown).status_code for shown in (old, new)] == [200, 401]
    _replace(tokens, "third\n")
    assert [post(guarded, shown).status_code for shown in (old, new)] == [401, 200]
    _replace(tokens, "two words\n")
    assert post(guarded, new).status_code == 200
    assert "line 1 must be one token" in caplog.text
    assert "two words" not in caplog.text
    tokens.unlink()
    assert post(guarded, new).status_code == 200
    assert "cannot be read" in caplog.text


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "cannot be read"), ("\n\n", "has no token"), ("good\nnot good\n", "line 2 must be one token")],
)
def test_a_file_without_tokens_is_an_error_at_the_start(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "tokens"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=rf"receive\.bearer_tokens_file .*tokens'.*{message}"):
        Guard(ReceiverSettings(bearer_tokens_file=path))


def test_a_request_is_of_the_tenant_that_its_header_names() -> None:
    with receivers(tenant_header="X-Scope-OrgID") as at, grpc.insecure_channel(at.grpc) as channel:
        post(at, {"x-scope-orgid": "shop"})
        export(channel, body(span()), x_scope_orgid="bank")
        post(at, {})
    assert [request.tenant for request in at.sink.requests] == ["shop", "bank", ""]
    assert [tenant for _, tenant, _ in at.sink.asked] == ["shop", "bank", ""]


def test_tenants_have_a_bound_and_names() -> None:
    with receivers(tenant_header="x-tenant", max_tenants=2) as at:
        answers = [post(at, {"x-tenant": name}) for name in ("a", "b", "c", "a/b", "b")]
        with grpc.insecure_channel(at.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
            export(channel, body(span()), x_tenant="d")
    assert [answer.status_code for answer in answers] == [200, 200, 403, 400, 200]
    codes = [Status.FromString(answers[number].content).code for number in (2, 3)]
    assert codes == [PERMISSION_DENIED, INVALID_ARGUMENT]
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "receive.max_tenants (2)" in caught.value.details()


def test_a_request_of_which_nothing_is_taken_counts_no_tenant() -> None:
    with receivers(tenant_header="x-tenant", max_tenants=1) as at:
        assert post(at, {"x-tenant": "a", "content-encoding": "br"}).status_code == 415
        assert post(at, {"x-tenant": "b"}).status_code == 200
        assert post(at, {"x-tenant": "a"}).status_code == 403


def test_a_header_names_no_tenant_unless_it_is_set() -> None:
    with receivers() as at:
        post(at, {"x-scope-orgid": "shop"})
    assert [request.tenant for request in at.sink.requests] == [""]
