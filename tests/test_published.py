"""The published image sets, from small files in their own formats on a server of the test."""

import pickle
from pathlib import Path

import pytest
import torch

from tests import small_published
from tests.small_published import MAKERS, Small, check
from vae_core import datasets, disk, settings
from vae_core.errors import Cancelled, DataUnavailable, NoSpace

server, make = small_published.server, small_published.make


@pytest.fixture(params=MAKERS)
def small(request, make) -> Small:
    return make(request.param)


def left(*endings: str) -> list[Path]:
    found = settings.data_root().rglob("*")
    return [path for path in found if path.suffix in endings or path.name.startswith("tmp")]


def test_it_is_downloaded_with_progress_and_then_here(small, server):
    info, seen = datasets.DATASETS[small.name], []
    assert not info.is_here()
    check(small, datasets.load(small.name, callback=seen.append))
    assert info.is_here()
    assert sorted(name for name, _ in server.asked) == sorted(server.files)
    downloading = [progress for progress in seen if progress.message.startswith("downloading")]
    assert downloading[0].total > 0
    assert left(".part", ".lock") == []
    server.asked.clear()
    check(small, datasets.load(small.name))
    assert server.asked == []


@pytest.mark.parametrize("packed", [True, False])
def test_files_that_are_here_open_without_a_network(small, server, packed):
    small.write(small.downloads if packed else small.unpacked)
    assert datasets.DATASETS[small.name].is_here()
    check(small, datasets.load(small.name))
    assert server.asked == []


def test_a_broken_download_goes_on(small, server):
    largest = max(server.files, key=lambda name: len(server.files[name]))
    server.cut = len(server.files[largest]) // 2 + 1
    check(small, datasets.load(small.name))
    assert (largest, server.cut) in server.asked


def test_a_download_can_be_cancelled(small):
    def stop(progress):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        datasets.load(small.name, callback=stop)
    assert not datasets.DATASETS[small.name].is_here()
    check(small, datasets.load(small.name))


def test_without_a_network_every_file_is_named(small, server):
    server.answers = 0
    with pytest.raises(DataUnavailable) as caught:
        datasets.load(small.name)
    for name in small.downloads:
        assert name in str(caught.value)
    for part in (str(settings.data_root()), "LATENT_EXPLORER_DATA", server.url):
        assert part in str(caught.value)


def test_a_damaged_download_is_refused(small, server):
    server.files = {name: content[:-1] + b"?" for name, content in server.files.items()}
    with pytest.raises(DataUnavailable, match="is damaged: its checksum is wrong"):
        datasets.load(small.name)
    assert not datasets.DATASETS[small.name].is_here()


def test_a_truncated_file_that_was_put_there_is_named(small):
    for files in (small.downloads, small.unpacked):
        for name in files:
            if name.endswith(".jpg"):
                continue
            small.write(files)
            path = settings.data_root() / name
            path.write_bytes(files[name][: len(files[name]) // 2])
            with pytest.raises(DataUnavailable, match=r"[Dd]elete") as caught:
                datasets.load(small.name)
            assert str(path.parent) in str(caught.value)
            path.unlink()
            for other in small.unpacked:
                (settings.data_root() / other).unlink(missing_ok=True)


def test_no_space_leaves_nothing_half(small, monkeypatch, server):
    monkeypatch.setattr(disk, "free_bytes", lambda path: 10)
    with pytest.raises(NoSpace, match=r"bytes are needed, 10 are free"):
        datasets.load(small.name)
    assert not datasets.DATASETS[small.name].is_here()
    assert left(".part", ".lock") == []


def test_nothing_is_unpickled(small, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("unpickled")

    for module, name in (
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "Unpickler"),
        (torch, "load"),
    ):
        monkeypatch.setattr(module, name, refuse)
    check(small, datasets.load(small.name))
