"""Dead letters that come back to the service: evaluated anew, not passed on a second time."""

from pathlib import Path

import httpx
import pytest
import trustme
from click.testing import CliRunner
from otlp_sink import OtlpSink
from support.receivers import wait_until
from support.service import LengthPipeline, service
from support.spans import body, span, unreadable

from otel_llm.dead_letters.lines import read
from otel_llm.dead_letters.writer import DeadLetters
from otel_llm.receive.replay_header import REPLAY_HEADER
from otel_llm.service.command import command
from otel_llm.service.running import Service


def send(at: Service, *spans: object, stage: str = "", signal: str = "traces") -> httpx.Response:
    return post(at, body(*spans), stage=stage, signal=signal)


def post(at: Service, data: bytes, *, stage: str = "", signal: str = "traces") -> httpx.Response:
    headers = {"content-type": "application/x-protobuf"} | ({REPLAY_HEADER: stage} if stage else {})
    return httpx.post(f"{at.http}/v1/{signal}", content=data, headers=headers)


@pytest.mark.parametrize("stage", ["decode", "evaluate"])
def test_a_span_that_came_before_is_evaluated_when_its_letter_is_replayed(
    pipeline: LengthPipeline, stage: str
) -> None:
    with service(pipeline, queue={"max_delay_s": 0}) as at:
        post(at, unreadable(body(span()))).raise_for_status()
        page = f"{at.telemetry}/metrics"
        wait_until(lambda: 'otel_llm_dead_letters_total{stage="decode"} 1.0' in httpx.get(page).text)
        send(at, span()).raise_for_status()  # by itself, it is taken for one that was sent again
        send(at, span(), stage=stage).raise_for_status()
        wait_until(lambda: pipeline.seen)
        send(at, span(), stage=stage).raise_for_status()
        wait_until(lambda: len(pipeline.seen) == 2)
    assert len(pipeline.seen) == 2


def test_inline_a_replayed_span_is_not_passed_on_again(pipeline: LengthPipeline, sink: OtlpSink) -> None:
    forward = {"endpoint": sink.endpoint, "batch_delay_s": 0}
    with service(pipeline, queue={"max_delay_s": 0}, forward=forward) as at:
        send(at, span(), stage="decode").raise_for_status()
        wait_until(lambda: pipeline.seen)
        send(at, span(span_id=b"the next"), stage="forward").raise_for_status()
        sink.wait_for(lambda sink: sink.spans)
    assert [each.span_id for _, each in sink.spans] == [b"the next"]
    assert len(pipeline.seen) == 2


@pytest.mark.parametrize("stage", ["events", "forward"])
def test_a_letter_for_another_receiver_is_refused(pipeline: LengthPipeline, stage: str) -> None:
    with service(pipeline) as at:
        answer = send(at, span(), stage=stage)
    assert answer.status_code == 404
    assert f"{stage}.endpoint".encode() in answer.content


def test_the_command_replays_to_a_service_with_certificates(pipeline: LengthPipeline, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name in ("localhost", "sender"):
        authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(tmp_path / f"{name}.pem")
    tls = dict.fromkeys(("cert_file", "key_file"), tmp_path / "localhost.pem")
    letters = DeadLetters(tmp_path / "letters.jsonl")
    letters.add("decode", "it was cut", "traces", "", body(span()))
    letters.add("events", "refused", "logs", "", body(span()))
    with service(
        pipeline, host="localhost", receive={"tls": {**tls, "client_ca_file": tmp_path / "ca.pem"}}
    ) as at:
        arguments = [
            "replay",
            str(tmp_path / "letters.jsonl"),
            "--to",
            at.http,
            "--ca-file",
            str(tmp_path / "ca.pem"),
        ]
        alone = CliRunner().invoke(command, arguments)
        assert alone.exit_code == 1
        assert "could not be reached" in alone.stderr
        sender = str(tmp_path / "sender.pem")
        done = CliRunner().invoke(command, [*arguments, "--cert-file", sender, "--key-file", sender])
        assert "events.endpoint" in done.stderr
        assert done.stdout == "1 delivered, 1 refused\n"
        wait_until(lambda: pipeline.seen)
    assert [letter.stage for line in read(tmp_path / "letters.jsonl") if (letter := line.letter)] == ["events"]
