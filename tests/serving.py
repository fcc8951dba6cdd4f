"""A server of files on this machine, with the faults that real ones have."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from vae_core.datasets.download import Remote


@dataclass
class FileServer:
    """Answers with `files`; `asked` lists each request's path and first byte."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    cut: int | None = None  # bytes after which a connection breaks
    answers: int = 1_000_000  # how many requests are answered before it is gone
    resumes: bool = True  # whether it knows ranges
    kind: str = "application/octet-stream"

    def remote(self, name: str, path: Path, md5: str | None = None) -> Remote:
        """What a caller knows of one of the files."""
        content = self.files[name]
        return Remote(path, (self.url + name,), md5 or md5_of(content), len(content))


def md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@contextlib.contextmanager
def serve() -> Iterator[FileServer]:
    """A server on a free port of 127.0.0.1, until the end of the block."""
    state = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[1]
            wanted = self.headers["Range"]
            first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            state.asked.append((name, first))
            state.answers -= 1
            if state.answers < 0:
                self.close_connection = True
                return
            content = state.files.get(name)
            if content is None:
                self.send_error(404)
                return
            if not state.resumes:
                first = 0
            elif wanted and first >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if first else 200)
            self.send_header("Content-Type", state.kind)
            self.send_header("Content-Length", str(len(content) - first))
            self.end_headers()
            end = len(content) if state.cut is None else first + state.cut
            self.wfile.write(content[first:end])

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/files/"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
