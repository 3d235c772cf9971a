from contextlib import ExitStack

import pytest

from otel_llm.errors import ConfigError, PortTakenError
from otel_llm.ports import bind, bind_free, free_port


def test_a_port_that_is_held_cannot_be_taken_again() -> None:
    with bind("127.0.0.1", 0, "--http-port") as first:
        port = first.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"port {port} on 127\.0\.0\.1 is taken: .* --telemetry-port"):
            bind("127.0.0.1", port, "--telemetry-port")
    with bind("127.0.0.1", port, "--telemetry-port"):
        pass


def test_a_free_port_can_be_taken() -> None:
    port = free_port()
    with bind("127.0.0.1", port, "--port") as sock:
        assert sock.getsockname()[1] == port


def test_a_free_port_is_given_to_no_connection() -> None:
    with ExitStack() as held:
        sockets = [held.enter_context(bind_free("127.0.0.1")) for _ in range(50)]
        ports = {sock.getsockname()[1] for sock in sockets}
    assert len(ports) == 50
    assert max(ports) < 32_768  # where the range begins from which Linux takes the ports of connections


@pytest.mark.parametrize("host", ["192.0.2.1", "nohost.invalid"])
def test_a_host_that_is_not_of_this_machine_is_reported(host: str) -> None:
    with pytest.raises(ConfigError, match=f"got '{host}'.* --host"):
        bind(host, 0, "--port")
