import socket
import sys

import pytest

from otel_llm.errors import ConfigError, PortTakenError
from otel_llm.ports import bind
from otel_llm.service.processes.parent import process_index
from otel_llm.service.processes.shared_ports import reserve
from otel_llm.service.processes.supervise import own_command

HOST = "127.0.0.1"


def test_a_reserved_port_is_for_the_children_and_for_no_other_service() -> None:
    with reserve(HOST, 0, "--http-port") as reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(PortTakenError, match="--grpc-port"):
            reserve(HOST, port, "--grpc-port")
        with pytest.raises(PortTakenError):
            bind(HOST, port, "--http-port")
        with bind(HOST, port, "", reuse_port=True) as child, bind(HOST, port, "", reuse_port=True) as another:
            assert child.getsockname() == another.getsockname() == reserved.getsockname()


def test_a_reserved_port_takes_no_connections_from_the_children() -> None:
    with reserve(HOST, 0, "") as reserved:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(reserved.getsockname())
        with bind(HOST, reserved.getsockname()[1], "", reuse_port=True) as child:
            child.listen()
            for _ in range(20):
                with socket.create_connection(reserved.getsockname()), child.accept()[0]:
                    pass


def test_a_service_that_shares_its_port_is_not_joined() -> None:
    with bind(HOST, 0, "", reuse_port=True) as other:
        other.listen()
        with pytest.raises(PortTakenError, match="is taken: choose another with --http-port"):
            reserve(HOST, other.getsockname()[1], "--http-port")


def test_connections_of_a_service_that_has_just_ended_do_not_keep_its_port() -> None:
    with bind(HOST, 0, "") as before:
        address = before.getsockname()
        with socket.create_connection(address) as client:
            before.accept()[0].close()  # who closes first keeps the connection for a minute
            assert client.recv(1) == b""
    with reserve(HOST, address[1], "") as reserved:
        assert reserved.getsockname() == address


def test_ipv6_and_a_host_of_another_machine() -> None:
    with reserve("::1", 0, "") as reserved:
        assert reserved.getsockname()[1] > 0
    with pytest.raises(ConfigError, match="--host"):
        reserve("192.0.2.1", 0, "")


def test_a_process_knows_which_one_it_is() -> None:
    assert process_index({"OTEL_LLM_PROCESS": "3"}) == 3
    assert process_index({}) is None


def test_the_own_command_runs_the_same_interpreter() -> None:
    assert own_command()[0] == sys.executable
    assert own_command()[1:] == sys.orig_argv[1:]
