"""Downloads from a server on this machine: whole, resumed, checked, refused in a sentence."""

import threading
from pathlib import Path

import numpy as np
import pytest

from tests.serving import FileServer, serve
from vae_core import disk, settings
from vae_core.datasets.download import ATTEMPTS, Remote, fetch
from vae_core.errors import Cancelled, DataUnavailable, NoSpace

CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LATENT_EXPLORER_DATA", str(tmp_path / "data"))
    return settings.data_root()


@pytest.fixture
def server():
    with serve() as state:
        state.files["a.bin"] = CONTENT
        yield state


@pytest.fixture
def remote(server: FileServer, root: Path) -> Remote:
    return server.remote("a.bin", root / "Set" / "a.bin")


def part(remote: Remote) -> Path:
    return remote.path.with_name("a.bin.part")


def left(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_a_file_is_downloaded_with_progress(server, remote, root):
    seen = []
    server.files["b.bin"] = b"b" * 1000
    fetch("Set", [remote, server.remote("b.bin", root / "b.bin")], seen.append)
    assert remote.path.read_bytes() == CONTENT
    assert left(root) == ["Set/a.bin", "b.bin"]
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert (done[-1], seen[-1].total) == (301_000, 301_000)
    assert len(done) > 4
    assert seen[0].message.startswith("downloading Set: 0.1 of 0.3 MB")


def test_broken_connections_are_taken_up_where_they_broke(server, remote, root):
    server.cut = 100_000
    fetch("Set", [remote])
    assert remote.path.read_bytes() == CONTENT
    assert server.asked == [("a.bin", 0), ("a.bin", 100_000), ("a.bin", 200_000)]
    assert left(root) == ["Set/a.bin"]


def test_a_server_that_gives_a_few_bytes_each_time_is_left_in_the_end(server, remote):
    server.cut = 1
    with pytest.raises(DataUnavailable, match="ended after 10 of 300,000 bytes"):
        fetch("Set", [remote])
    assert len(server.asked) == ATTEMPTS


def test_what_was_received_is_kept_until_the_next_call(server, remote, root):
    server.cut, server.answers = 120_000, 1
    with pytest.raises(DataUnavailable, match="try again to go on"):
        fetch("Set", [remote])
    assert left(root) == ["Set/a.bin.part"]
    server.cut, server.answers = None, 1
    seen = []
    fetch("Set", [remote], seen.append)
    assert remote.path.read_bytes() == CONTENT
    assert server.asked[-1] == ("a.bin", 120_000)
    assert seen[0].done > 120_000


def test_a_server_that_cannot_resume_begins_again(server, remote):
    server.resumes = False
    part(remote).parent.mkdir(parents=True)
    part(remote).write_bytes(CONTENT[:5000])
    fetch("Set", [remote])
    assert remote.path.read_bytes() == CONTENT


def test_a_damaged_part_is_dropped_and_all_of_it_fetched(server, remote, root):
    part(remote).parent.mkdir(parents=True)
    part(remote).write_bytes(b"x" * 5000)
    fetch("Set", [remote])
    assert remote.path.read_bytes() == CONTENT
    assert server.asked == [("a.bin", 5000), ("a.bin", 0)]
    assert left(root) == ["Set/a.bin"]


def test_a_part_that_is_whole_is_taken(server, remote):
    part(remote).parent.mkdir(parents=True)
    part(remote).write_bytes(CONTENT)
    fetch("Set", [remote])
    assert remote.path.read_bytes() == CONTENT
    assert server.asked == [("a.bin", 300_000)]


def test_a_wrong_checksum_removes_the_file_and_says_so(server, root):
    wrong = server.remote("a.bin", root / "a.bin", md5="0" * 32)
    with pytest.raises(DataUnavailable, match=r"a\.bin is damaged: its checksum is wrong"):
        fetch("Set", [wrong])
    assert left(root) == []


def test_the_next_server_is_asked(server, remote):
    server.files["good.bin"] = CONTENT
    server.files["a.bin"] = b"something else"
    urls = (server.url + "missing.bin", *remote.urls, server.url + "good.bin")
    fetch("Set", [Remote(remote.path, urls, remote.md5, remote.size)])
    assert remote.path.read_bytes() == CONTENT
    assert [name for name, _ in server.asked] == ["missing.bin", "a.bin", "good.bin"]


def test_a_web_page_is_no_file(server, remote, root):
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(DataUnavailable, match="answered with a web page"):
        fetch("Set", [remote])
    assert left(root) == []


def test_without_a_network_it_says_which_files_to_put_where(root):
    with serve() as server:
        url = server.url  # whose port nobody listens on any more
    files = [
        Remote(root / "Set" / name, (url + name,), "0" * 32, 10) for name in ("a.bin", "b.bin")
    ]
    with pytest.raises(DataUnavailable) as caught:
        fetch("My Set", files, hint="Or use another.")
    said = str(caught.value)
    assert said.startswith(f"My Set is not in {root} and could not be downloaded (")
    assert "refused" in said
    assert f"Set/a.bin from {url}a.bin; Set/b.bin from {url}b.bin. Or use another." in said
    assert "LATENT_EXPLORER_DATA" in said


def test_a_download_can_be_cancelled_and_goes_on_later(server, remote, root):
    def stop(progress):
        if progress.done > 100_000:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        fetch("Set", [remote], stop)
    assert left(root) == ["Set/a.bin.part"]
    assert CONTENT.startswith(part(remote).read_bytes())
    kept = part(remote).stat().st_size
    assert kept >= 100_000
    fetch("Set", [remote])
    assert remote.path.read_bytes() == CONTENT
    assert server.asked[-1] == ("a.bin", kept)


def test_a_disk_known_to_be_too_small_is_not_filled(server, remote, root, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda path: 1234)
    with pytest.raises(NoSpace) as caught:
        fetch("Set", [remote])
    for told in (str(remote.path), "300,000 bytes are needed", "1,234 are free"):
        assert told in str(caught.value)
    assert left(root) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_disk_that_fills_up_meanwhile(remote, root):
    part(remote).parent.mkdir(parents=True)
    part(remote).symlink_to("/dev/full")  # every write: no space left on device
    with pytest.raises(NoSpace, match="300,000 bytes are needed"):
        fetch("Set", [remote])
    assert left(root) == []


def test_two_at_once_download_it_once(server, remote):
    begun, go_on = threading.Event(), threading.Event()

    def slowly(progress):
        begun.set()
        assert go_on.wait(20)

    waited = []

    def wait(progress):
        waited.append(progress.message)
        go_on.set()

    first = threading.Thread(target=fetch, args=("Set", [remote], slowly))
    first.start()
    assert begun.wait(20)
    fetch("Set", [remote], wait)
    first.join()
    assert waited[0] == "waiting for another process that prepares the same"
    assert server.asked == [("a.bin", 0)]
    assert remote.path.read_bytes() == CONTENT
    assert left(remote.path.parent) == ["a.bin"]
