"""The page Run, with runs that were never trained."""

import pytest
from streamlit.testing.v1 import AppTest

from tests import run_pages
from tests.run_pages import RUN, buttons, html_of, opened, press, words
from tests.small_runs import save_run, write_status
from vae_core import checkpoints, runs, settings
from vae_core.config import ImageFormat
from vae_core.errors import Cancelled, LatentExplorerError
from vae_core.models import VAE
from vae_core.progress import Progress
from vae_core.runs import Run
from vae_core.ui.studio import exporting, steer

home, alive = run_pages.home, run_pages.alive


def progress(app: AppTest) -> str:
    return app.get("progress")[0].proto.text


def test_without_a_run_the_page_leads_to_others() -> None:
    app = AppTest.from_file(RUN, default_timeout=60).run()
    assert "No run is open" in html_of(app)
    assert "Runs → train/runs.py" in words(app)
    assert "Unknown run 'nope'" in opened("nope").error[0].value.replace("\\", "")


@pytest.mark.parametrize("id", ["../x", "a/../../b", "%00", "x" * 5000])
def test_an_address_reaches_no_other_file(id: str) -> None:
    assert "Unknown run" in opened(id).error[0].value


@pytest.mark.parametrize(
    ("state", "done", "offered"),
    [
        ("running", 2, {"Pause", "Stop"}),
        ("queued", 0, {"Pause"}),
        ("paused", 2, {"Resume"}),
        ("interrupted", 0, {"Resume"}),
        ("failed", 1, {"Resume"}),
        ("stopped", 2, {"Resume"}),
        ("done", 4, set()),
    ],
)
@pytest.mark.usefixtures("alive")
def test_what_can_be_done_depends_on_the_state(state, done: int, offered: set[str]) -> None:
    app = opened(save_run("mine", state, done=done))
    assert buttons(app) & {"Pause", "Stop", "Resume"} == offered
    assert {"Duplicate", "Delete"} <= buttons(app)
    assert ("Keep as model" in buttons(app)) == (state not in ("running", "queued") and done > 0)
    assert ("Continue" in buttons(app)) == ("Keep as model" in buttons(app))


def test_a_run_that_diverged_leads_to_a_lower_rate_and_not_into_the_same_again() -> None:
    run = save_run("mine", "failed", done=2)
    write_status(run, run.status().model_copy(update={"diverged": True}))
    assert {"Duplicate with a lower rate", "Duplicate"} <= buttons(opened(run))
    assert "Resume" not in buttons(opened(run))


@pytest.mark.usefixtures("alive")
def test_a_run_under_way_says_how_far_it_is() -> None:
    run = save_run("mine", "running", epochs=10, done=4)
    update = {"images_per_second": 2310.4, "eta": 80.0, "terms": {"train_reconstruction": 21.33}}
    write_status(run, run.status().model_copy(update=update))
    app = opened(run)
    told = "epoch 4 of 10 · 2,310 images/s · 1 min 20 s left · this epoch so far 21.3 nats"
    assert progress(app) == told
    assert "VAE with 2 dimensions" in words(app)
    assert len(app.get("bidi_component")) == 3
    assert "BCE of pixel values, not a likelihood" in words(app)


def test_a_dead_process_is_said_with_a_way_on() -> None:
    run = save_run("mine", "running", done=2)
    gone = run.status().model_copy(update={"pid": 2**22 - 1, "born": 0.0})
    write_status(run, gone)
    app = opened(run)
    assert "ended without a word" in progress(app)
    assert "Resume" in buttons(app)


@pytest.mark.usefixtures("alive")
def test_before_the_first_epoch_there_is_nothing_to_see() -> None:
    assert "Nothing to see yet" in html_of(opened(save_run("mine", "running", done=0)))


def test_an_autoencoder_has_no_kl() -> None:
    app = opened(save_run("mine", deterministic=True))
    assert len(app.get("bidi_component")) == 2
    assert "An autoencoder has no KL" in words(app)
    assert "σ of the prior" not in words(app)


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
@pytest.mark.parametrize("view", ["Now", "Time-lapse"])
def test_any_latent_space_is_drawn(latent_dim: int, view: str) -> None:
    app = opened(save_run("mine", latent_dim=latent_dim, labelled=latent_dim == 2), view=view)
    assert not app.error
    assert "Posterior means of 60 validation images" in words(app)


def test_a_button_asks_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    run = save_run("mine", "paused", done=2)

    def resume(self: Run) -> None:
        asked.append(self.id)
        write_status(self, self.status().model_copy(update={"state": "done"}))

    monkeypatch.setattr(Run, "resume", resume)
    app = press(opened(run), "Resume")
    assert asked == [run.id]
    assert "Resume" not in buttons(app)  # drawn anew as it stands


def test_what_a_run_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Run) -> None:
        raise LatentExplorerError("The disk is full.")

    monkeypatch.setattr(Run, "resume", refuse)
    app = press(opened(save_run("mine", "paused", done=2)), "Resume")
    assert "The disk is full" in app.error[0].value.replace("\\", "")


def test_more_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(Run, "continue_for", lambda self, epochs: asked.append(epochs))
    app = opened(save_run("mine", epochs=8))
    assert app.number_input(key="more").value == 4
    app.number_input(key="more").set_value(3).run()
    press(app, "Continue")
    assert asked == [3]


class Keeping:
    """A job that measures a run, seen while it works and at its end."""

    state = "running"

    def __init__(self, run: str, name: str, key: str):
        self.run, self.name, self.key = run, name, key

    def progress(self) -> Progress:
        return Progress(0.25, 1.0, "measuring")

    def cancel(self) -> None:
        self.state = "cancelled"

    def result(self) -> dict:
        if self.state == "cancelled":
            raise Cancelled("The work was cancelled.")
        config = runs.find(self.run).request().config
        vae = VAE(ImageFormat(channels=1, size=8), config.model)
        record = checkpoints.TrainingRecord(best_epoch=4, epochs_run=4)
        checkpoints.save(settings.user_checkpoints() / self.name, vae, config, record)
        return {}


def test_a_run_is_kept_and_then_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Keeping] = []
    monkeypatch.setattr(
        steer.jobs, "keep", lambda *given: begun.append(Keeping(*given)) or begun[-1]
    )
    monkeypatch.setattr(steer.jobs, "find", lambda kind, key: None)
    run = save_run("mine")
    app = press(opened(run), "Keep as model")  # one click: it has a name already
    assert (begun[0].run, begun[0].name) == (run.id, "mine")
    assert "measuring" in [bar.proto.text for bar in app.get("progress")]
    assert "Keep as model" not in buttons(app)
    app = press(app, "Cancel").run()
    assert "Keep as model" in buttons(app)
    assert not app.error
    app.text_input[0].set_value("kept").run()
    app = press(app, "Keep as model")
    begun[-1].state = "done"
    app.run()
    assert "kept" in checkpoints.listing()
    assert "Open on the map → explore/explore.py {'model': 'kept'}" in words(app)
    assert "Keep as model" not in buttons(app)


@pytest.mark.parametrize("name", ["digits-2d", "a/b"])
def test_a_name_that_is_taken_or_none_is_refused(name: str) -> None:
    app = opened(save_run("digits-2d"))  # as a shipped model is called
    assert app.text_input[0].value == "digits-2d-2"
    app.text_input[0].set_value(name).run()
    said = press(app, "Keep as model").error[0].value.replace("\\", "")
    assert "There is a model" in said or "cannot be a model's name" in said


def test_a_run_that_cannot_be_moved_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Run) -> None:
        raise LatentExplorerError("The run cannot be moved: Permission denied.")

    monkeypatch.setattr(Run, "delete", refuse)
    assert "Permission denied" in press(opened(save_run("mine")), "Delete").error[0].value


def test_the_film_is_made_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make(film, look, callback):
        made.append((len(film), look.background))
        return b"film"

    monkeypatch.setitem(exporting.FORMATS, "gif", ("image/gif", make))
    app = opened(save_run("mine"), view="Time-lapse")
    assert not app.get("download_button")
    app = press(app, "Make the GIF")
    assert made == [(4, "#ffffff")]
    assert app.get("download_button")[0].proto.label == "Download (4 bytes)"
