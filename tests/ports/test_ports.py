import pytest

from otel_llm.errors import ConfigError, PortTakenError
from otel_llm.ports import bind, free_port


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


@pytest.mark.parametrize("host", ["192.0.2.1", "nohost.invalid"])
def test_a_host_that_is_not_of_this_machine_is_reported(host: str) -> None:
    with pytest.raises(ConfigError, match=f"got '{host}'.* --host"):
        bind(host, 0, "--port")
