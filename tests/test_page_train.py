"""The Train page: a form made of the configuration, and what it leads to."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.small_runs import save_run
from vae_core import costs, processes, runs
from vae_core.cli import _parse
from vae_core.config import DataConfig, RunConfig, TrainingConfig
from vae_core.ui.studio import begin, cost, presets, subjects
from vae_core.ui.studio.words import duration

PAGE = "../pages/train/train.py"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without runs, and a cost that is known: nothing is started here."""
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    known = {"memory": 3_000_000, "epoch": 2.5}
    load = cost.cache.load
    monkeypatch.setattr(
        cost.cache, "load", lambda kind, key: known if kind == cost.KIND else load(kind, key)
    )


def opened(**address: str) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=120)
    app.query_params.update({"dataset": "digits"} | address)
    app.run()
    assert not app.exception
    return app


def shown(app: AppTest) -> RunConfig:
    """The configuration of the command that the page shows."""
    command = _parse(shlex.split(app.code[0].value.replace("\\\n", " "))[3:])
    return command.run_config


def metric(app: AppTest, label: str) -> str:
    return next(metric.value for metric in app.metric if metric.label == label)


def field(app: AppTest, name: str, kind: str = "number_input"):
    return getattr(app, kind)(key=f"train.{name}")


def subject(app: AppTest | None) -> presets.Subject:
    return presets.Subject(DataConfig(dataset="digits"), _image(), 1439, 179)


def _image():
    from vae_core import datasets

    return datasets.load("digits").format


def test_a_newcomer_sees_little_and_can_begin() -> None:
    app = opened()
    assert {widget.label for widget in app.number_input} == {"Latent dimensions"}
    assert shown(app) == presets.make(presets.DEMO, subject(app), 2)
    assert not app.button(key="start").disabled
    assert app.text_input[0].placeholder == "digits-2d-2"  # digits-2d is shipped


def test_what_it_costs_is_said_before() -> None:
    app = opened()
    run = shown(app)
    count = costs.parameters(_image(), run)
    assert metric(app, "Parameters") == f"{count:,}"
    assert metric(app, "Memory") == "≈ 3.0 MB"
    assert metric(app, "Time") == f"≈ {duration(2.5 * run.training.epochs)}"


@pytest.mark.parametrize("preset", [presets.BALANCED, presets.BEST])
def test_presets_are_complete_configurations(preset: str) -> None:
    app = opened(preset=preset, latent_dim="5")
    assert shown(app) == presets.make(preset, subject(app), 5)


def test_more_settings_are_those_of_the_configuration() -> None:
    app = opened(more="true")
    labels = {widget.label for widget in [*app.number_input, *app.selectbox, *app.toggle]}
    for label in ("Width", "Learning rate", "Seed", "Architecture", "Deterministic", "Device"):
        assert label in labels
    rate = field(app, "training.learning_rate")
    described = TrainingConfig.model_fields["learning_rate"].description
    assert (rate.min, rate.max, rate.help) == (0, 1, described)
    field(app, "training.seed").set_value(7)
    field(app, "training.batch_size").set_value(50)
    field(app, "objective.warmup", "selectbox").set_value("none")
    app.run()
    run = shown(app)
    assert (run.training.seed, run.training.batch_size) == (7, 50)
    assert run.objective.warmup == "none"
    app.toggle(key="more").set_value(False).run()  # out of sight, and still so
    assert shown(app) == run


def test_another_preset_takes_its_own_values() -> None:
    app = opened(more="true")
    field(app, "training.epochs").set_value(3).run()
    assert shown(app).training.epochs == 3
    app.get("button_group")[0].set_value(presets.BALANCED).run()
    assert shown(app) == presets.make(presets.BALANCED, subject(app), 2)


def test_what_means_nothing_here_is_greyed_out_and_at_its_default() -> None:
    app = opened(more="true")
    assert field(app, "model.sigma").disabled
    field(app, "objective.beta").set_value(4.0).run()
    field(app, "model.deterministic", "toggle").set_value(True).run()
    assert field(app, "objective.beta").disabled
    assert shown(app).objective.beta == 1
    field(app, "model.likelihood", "selectbox").set_value("gaussian").run()
    assert not field(app, "model.sigma").disabled
    field(app, "model.sigma").set_value(0.1).run()
    assert shown(app).model.sigma == 0.1


def test_values_that_are_not_allowed_are_said() -> None:
    app = opened(more="true")
    field(app, "training.learning_rate").set_value(0.0).run()
    assert "Learning rate: Input should be greater than 0" in app.error[0].value.replace("\\", "")
    assert app.button(key="start").disabled
    assert not app.code


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("a/b", "cannot be a model's name"), ("digits-2d", "There is a model 'digits-2d' already")],
)
def test_a_bad_name_is_refused(name: str, sentence: str) -> None:
    app = opened()
    app.text_input(key="train.name").set_value(name).run()
    assert sentence in app.error[0].value.replace("\\", "")
    assert app.button(key="start").disabled


def test_a_press_begins_exactly_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    monkeypatch.setattr(begin.runs, "create", lambda *args: begun.append(args) or save_run("x"))
    monkeypatch.setattr(begin.st, "switch_page", lambda page, query_params: begun.append(page))
    app = opened()
    config = shown(app)
    app.button(key="start").click().run()
    assert not app.exception
    assert begun == [(config, "digits-2d-2"), "train/run.py"]


def test_a_run_can_be_duplicated_with_changes() -> None:
    run = save_run("mine", epochs=9, latent_dim=7)
    app = opened(like=run.id)
    assert shown(app) == run.request().config
    app.number_input(key="latent_dim").set_value(3).run()
    expected = run.request().config.model_dump()
    expected["model"]["latent_dim"] = 3
    assert shown(app) == RunConfig.model_validate(expected)


def test_a_run_that_diverged_is_begun_anew_with_a_lower_rate() -> None:
    run = save_run("mine")
    rate = run.request().config.training.learning_rate
    assert shown(opened(like=run.id, slower="true")).training.learning_rate == rate * 0.3


def test_own_images_are_chosen_by_their_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, (40, 12, 12), dtype=np.uint8))
    app = opened(dataset="array")
    assert not app.code
    assert any("Which images?" in block.proto.body for block in app.get("html"))
    path = app.text_input(key=subjects.PATH)
    path.set_value(str(tmp_path / "not there.npy")).run()
    assert "not there" in app.error[0].value.replace("\\", "")
    assert not app.code
    path.set_value(str(file)).run()
    assert not app.error
    assert shown(app).data == DataConfig(dataset="array", path=file)


def test_pictures_of_a_folder_get_the_size_and_channels_that_are_asked_for(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(20):
        picture = random.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    app = opened(dataset="folder")
    app.text_input(key=subjects.PATH).set_value(str(tmp_path)).run()
    assert shown(app).data == DataConfig(dataset="folder", path=tmp_path)
    app.number_input(key="train.data.image_size").set_value(16)
    app.selectbox(key="train.data.channels").set_value(1).run()
    config = shown(app)
    assert config.data == DataConfig(dataset="folder", path=tmp_path, image_size=16, channels=1)


def test_a_measurement_that_others_wait_for_is_not_cancelled(monkeypatch) -> None:
    cancelled = []

    class Job:
        def __init__(self, key: str):
            self.key = key

        def cancel(self) -> None:
            cancelled.append(self.key)

    monkeypatch.setattr(cost.jobs, "find", lambda kind, key: Job(key))
    monkeypatch.setattr(cost, "_waiting", {})
    visitors = [{}, {}]

    def want(visitor: dict, key: str | None) -> None:
        monkeypatch.setattr(cost.st, "session_state", visitor)
        cost._want(key)

    want(visitors[0], "small")
    want(visitors[1], "small")
    want(visitors[0], "large")
    assert cancelled == []
    want(visitors[1], "large")
    assert cancelled == ["small"]
    want(visitors[0], None)
    assert cancelled == ["small"]
    want(visitors[1], None)
    assert cancelled == ["small", "large"]


def test_a_measurement_that_was_cancelled_elsewhere_begins_anew(monkeypatch) -> None:
    started = []

    class Job:
        state = "cancelled"

        def __init__(self, key: str):
            self.key = key

    def start(kind: str, arrays: dict, config: str, key: str) -> Job:
        started.append(Job(key))
        if len(started) == 2:
            started[-1].state = "running"
        return started[-1]

    monkeypatch.setattr(cost.cache, "load", lambda kind, key: None)
    monkeypatch.setattr(cost.jobs, "find", lambda kind, key: None)
    monkeypatch.setattr(cost.jobs, "start", start)
    app = opened()
    app.run()
    assert len(started) == 2
    assert metric(app, "Time") == "measuring …"


def test_the_threads_are_part_of_what_was_measured(monkeypatch) -> None:
    """A job has as many as a run that is begun."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert processes.environment()["OMP_NUM_THREADS"] == "3"
    asked = costs.Question.about(_image(), presets.make(presets.DEMO, subject(None), 2), 10, 1)
    three = cost._key(asked)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert cost._key(asked) != three


def test_an_address_that_names_no_run_or_setting_is_told() -> None:
    app = opened(like="nope", preset="Quick", latent_dim="3")
    said = "\n".join(toast.value.replace("\\", "") for toast in app.toast)
    assert "Unknown run 'nope'" in said
    assert "Unknown preset 'Quick'" in said
    assert shown(app).model.latent_dim == 3


def test_a_dataset_that_is_not_here_says_what_is_fetched(monkeypatch) -> None:
    from vae_core.datasets import mnist

    monkeypatch.setattr(mnist, "mnist_is_here", lambda: False)
    app = opened(dataset="mnist")
    assert "MB)" in app.info[0].value
    assert shown(app).data.dataset == "mnist"


def test_it_is_queued_behind_others(monkeypatch: pytest.MonkeyPatch) -> None:
    run = save_run("first", "running", done=1)
    monkeypatch.setattr(runs.Run, "_lives", lambda self, status: True)
    assert run.status().working
    app = opened()
    assert app.button(key="start").label == "Add to the queue"
    assert any("another run comes first" in caption.value for caption in app.caption)
