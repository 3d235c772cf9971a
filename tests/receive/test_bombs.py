"""Small bodies that unpack to much."""

import gzip
import tracemalloc
import zlib

import httpx
import pytest
from google.rpc.status_pb2 import Status
from support.receivers import PROTOBUF, receivers
from support.zstandard import zstd

PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd}
UNPACKED = 64 << 20


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_bomb_is_refused_in_a_fraction_of_the_memory_that_it_unpacks_to(encoding: str) -> None:
    bomb = PACKERS[encoding](bytes(UNPACKED))
    with receivers(max_request_bytes=100_000) as at:
        tracemalloc.start()
        try:
            headers = PROTOBUF | {"content-encoding": encoding}
            response = httpx.post(f"{at.http}/v1/traces", content=bomb, headers=headers, timeout=20)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert response.status_code == 413
    assert "got more, decompressed" in Status.FromString(response.content).message
    assert peak < UNPACKED / 8
