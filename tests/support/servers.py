"""Tests that stand on a server which others make."""

from otel_llm.demo import servers
from otel_llm.demo.servers import ServerProgram
from support.require import require


def need(*programs: ServerProgram) -> None:
    """Skip the test, or fail it where servers are required, unless all of them are here."""
    for program in programs:
        require(program.find(), program.title, servers.remedy())
