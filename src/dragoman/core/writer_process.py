"""The writer process: `python -m dragoman.core.writer_process FD`."""

from __future__ import annotations

from dragoman.core.writes import OPERATIONS
from dragoman.storage.child import serve

if __name__ == "__main__":
    serve(OPERATIONS)
