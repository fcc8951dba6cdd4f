"""The names that models go by: shipped, the user's own, and those that lie elsewhere."""

import shutil
from pathlib import Path

import pytest

from vae_core import checkpoints, settings
from vae_core.checkpoints import TrainingRecord
from vae_core.config import ImageFormat, RunConfig
from vae_core.errors import CheckpointError, UnknownName
from vae_core.training import new_model

RUN = RunConfig.model_validate({"model": {"latent_dim": 2, "width": 4}})


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """An empty home, and no shipped models."""
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(settings, "SHIPPED_CHECKPOINTS", tmp_path / "shipped")
    return tmp_path / "home"


def put(path: Path) -> Path:
    """A checkpoint at `path`."""
    model = new_model(ImageFormat(size=8), RUN.model)
    checkpoints.save(path, model, RUN, TrainingRecord())
    return path


@pytest.mark.parametrize("name", ["../x", "", ".", "..", ".hidden", "a/b", "a\\b", "x" * 65, "a\n"])
def test_names_that_are_no_names(name):
    with pytest.raises(CheckpointError, match="cannot be a model's name"):
        checkpoints.valid_name(name)


def test_good_names():
    for name in ("mnist-2d", "A", "v1.2_b", "x" * 64):
        assert checkpoints.valid_name(name) == name


def test_listing_has_shipped_own_and_remembered_models(tmp_path, home):
    shipped = put(settings.SHIPPED_CHECKPOINTS / "b")
    own = put(settings.user_checkpoints() / "a")
    far = put(tmp_path / "far" / "c")
    (settings.user_checkpoints() / "not-a-model").mkdir()
    put(settings.user_checkpoints() / ".hidden")
    checkpoints.remember(far)
    checkpoints.remember(far)
    checkpoints.remember(own)  # already listed: not twice
    assert checkpoints.listing() == {"b": shipped, "a": own, "c": far}
    assert checkpoints.find("c") == far
    shutil.rmtree(far)
    assert list(checkpoints.listing()) == ["b", "a"]


def test_no_model_hides_another_of_its_name(tmp_path):
    first = put(settings.SHIPPED_CHECKPOINTS / "m")
    second = put(settings.user_checkpoints() / "m")
    third = put(tmp_path / "far" / "m")
    checkpoints.remember(third)
    assert checkpoints.listing() == {"m": first, "m-2": second, "m-3": third}


def test_a_spoiled_list_of_remembered_models_is_ignored(home):
    home.mkdir()
    for content in ("{", "{}", '[1, null, "/nowhere", "bad\\u0000name"]'):
        (home / checkpoints.KNOWN).write_text(content)
        assert checkpoints.listing() == {}


def test_a_folder_that_cannot_be_looked_into_is_not_listed(monkeypatch):
    put(settings.user_checkpoints() / "a")

    def refuse(self, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert not checkpoints.is_checkpoint(settings.user_checkpoints() / "a")


def test_a_home_that_cannot_be_written_is_said(tmp_path, home):
    home.write_text("a file, not a directory")
    with pytest.raises(CheckpointError, match="is written, but the app will not list it"):
        checkpoints.remember(put(tmp_path / "far" / "c"))


def test_unknown_models_name_the_known(tmp_path):
    with pytest.raises(UnknownName, match="none yet"):
        checkpoints.find("x")
    put(settings.user_checkpoints() / "a")
    with pytest.raises(UnknownName, match=r"Unknown model 'x'\. Must be one of: a\."):
        checkpoints.find("x")
    with pytest.raises(UnknownName, match=r"Unknown model '\.\./a'"):
        checkpoints.find("../a")


def test_a_shell_may_give_a_name_or_a_path(tmp_path):
    own = put(settings.user_checkpoints() / "a")
    far = put(tmp_path / "far")
    assert checkpoints.open_path_or_name("a") == own
    assert checkpoints.open_path_or_name(str(far)) == far
    with pytest.raises(UnknownName, match="Or the path of a checkpoint folder"):
        checkpoints.open_path_or_name("b")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        checkpoints.open_path_or_name(str(tmp_path / "empty"))
    with pytest.raises(UnknownName, match="Unknown model"):
        checkpoints.open_path_or_name("x" * 5000)
