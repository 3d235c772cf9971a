"""The standard library's zstd, or what stands in for it before Python 3.14."""

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import compress as zstd
else:
    from backports.zstd import compress as zstd

__all__ = ["zstd"]
