"""A training that was stopped anywhere goes on as if it had not been."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.small_models import run_config
from vae_core import datasets
from vae_core.config import RunConfig
from vae_core.datasets.base import ImageSet
from vae_core.errors import Cancelled, LatentExplorerError, StopTraining
from vae_core.training import Fit, TrainingProgress, TrainingState, fit, loop
from vae_core.training.state import Record

KINDS: dict[str, dict] = {
    "conv": {"model": {"architecture": "conv", "width": 4}},
    "gaussian": {"model": {"likelihood": "gaussian"}, "objective": {"free_bits": 0.1}},
    "autoencoder": {"model": {"deterministic": True}, "objective": {"binarize": True}},
}


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return datasets.load("digits")


@pytest.fixture(autouse=True)
def _see_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)


def stop_at(done: float, error: type[LatentExplorerError] = Cancelled):
    """A callback that raises when so many epochs are done."""

    def callback(progress: TrainingProgress) -> None:
        if progress.done >= done:
            raise error("that is enough")

    return callback


def same(one: Fit, other: Fit) -> None:
    """Bit for bit, but for the time it took."""
    for a, b in zip(one.history, other.history, strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
    assert one.kl_per_dim == other.kl_per_dim
    assert one.best_epoch == other.best_epoch
    weights = other.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in one.model.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_anywhere_and_resumed_it_ends_bit_for_bit_the_same(digits, tmp_path, kind) -> None:
    config = run_config(**KINDS[kind])
    whole = fit(digits, config)
    file = tmp_path / "state"
    state = None
    # In the first step, within an epoch, at its end before validation, and after it.
    for done in (1 / 12, 0.5, 1.0, 1.75, 2.0, 2.001, 2.9):
        with pytest.raises(Cancelled):
            fit(digits, config, stop_at(done), state, lambda state: state.write(file))
        state = TrainingState.read(file)
        assert state.record.epoch + state.record.step / 12 == pytest.approx(done, abs=1 / 12)
    resumed = fit(digits, config, state=state)
    same(whole, resumed)
    assert resumed.seconds > state.record.seconds > 0


def test_early_stopping_counts_on_over_a_resume(digits) -> None:
    config = run_config(training={"epochs": 40, "patience": 2, "learning_rate": 0.3})
    whole = fit(digits, config)
    assert len(whole.history) < 40
    states: list[TrainingState] = []
    with pytest.raises(Cancelled):
        fit(digits, config, stop_at(whole.best_epoch + 0.5), save=states.append)
    same(whole, fit(digits, config, state=states[-1]))


def test_a_finished_training_resumed_is_finished(digits) -> None:
    states: list[TrainingState] = []
    whole = fit(digits, run_config(), save=states.append)
    seen: list[TrainingProgress] = []
    again = fit(digits, run_config(), seen.append, states[-1])
    same(whole, again)
    assert not any(progress.metrics for progress in seen)


def test_it_is_saved_at_each_epoch_and_in_time(digits) -> None:
    states: list[TrainingState] = []
    fit(digits, run_config(), save=states.append)
    assert [(state.record.epoch, state.record.step) for state in states] == [(1, 0), (2, 0), (3, 0)]
    states.clear()
    fit(digits, run_config(training={"epochs": 1}), save=states.append, save_every=0.0)
    steps = [(state.record.epoch, state.record.step) for state in states]
    assert [(0, step) for step in range(13)] == sorted(set(steps))[:-1]
    assert steps[-1] == (1, 0)
    # What was saved is not what is trained on: it does not change afterwards.
    first, last = states[0].tensors, states[-1].tensors
    assert any(not torch.equal(first[name], last[name]) for name in first)


def test_stopping_keeps_the_best_and_can_be_resumed(digits) -> None:
    config, states = run_config(), []
    whole = fit(digits, config)
    stopped = fit(digits, config, stop_at(2.5, StopTraining), save=states.append)
    assert [row["epoch"] for row in stopped.history] == [1, 2]
    assert stopped.best_epoch == 2
    assert not stopped.model.training
    same(fit(digits, run_config(), stop_at(2.25, StopTraining)), stopped)
    same(whole, fit(digits, config, state=states[-1]))


def test_stopping_before_the_first_epoch_gives_the_average_so_far(digits) -> None:
    states: list[TrainingState] = []
    stopped = fit(digits, run_config(), stop_at(0.5, StopTraining), save=states.append)
    assert (stopped.best_epoch, stopped.history) == (0, [])
    for name, value in stopped.model.state_dict().items():
        assert torch.equal(value, states[-1].tensors[f"average/{name}"])


def test_more_epochs_are_a_new_cycle_from_the_saved_weights(digits) -> None:
    states: list[TrainingState] = []
    first = fit(digits, run_config(), save=states.append)
    longer = run_config(training={"epochs": 6})
    seen: list[TrainingProgress] = []
    second = fit(digits, longer, seen.append, states[-1], states.append)
    assert second.history[:3] == first.history
    assert [row["epoch"] for row in second.history] == [1, 2, 3, 4, 5, 6]
    rates = [row["learning_rate"] for row in second.history]
    assert rates[2] < 1e-4 < rates[3] > rates[4] > rates[5]  # down, and up again
    assert second.history[-1]["validation_loss"] < first.history[-1]["validation_loss"]
    # The new cycle is itself resumed exactly.
    with pytest.raises(Cancelled):
        fit(digits, longer, stop_at(4.5), states[2], states.append)
    same(second, fit(digits, longer, state=states[-1]))


def test_more_epochs_start_patience_anew(digits, monkeypatch) -> None:
    losses = iter([5.0, 6.0, 7.0, 8.0, 9.0, 1.0])
    monkeypatch.setattr(loop, "validate", lambda *_: (next(losses), [0.0, 0.0]))
    states: list[TrainingState] = []
    stopped = fit(digits, run_config(training={"patience": 2}), save=states.append)
    assert len(stopped.history) == 3
    longer = run_config(training={"epochs": 6, "patience": 2})
    assert len(fit(digits, longer, state=states[-1]).history) == 5


def test_the_state_of_another_training_is_refused(digits) -> None:
    states: list[TrainingState] = []
    fit(digits, run_config(), save=states.append)
    state = states[-1]
    for change, sentence in (
        ({"training": {"seed": 1}}, "another seed: it began with 0, not 1"),
        ({"model": {"width": 9}}, "another width"),
        ({"training": {"epochs": 2}}, "completed 3 epochs already"),
    ):
        with pytest.raises(LatentExplorerError, match=sentence):
            fit(digits, run_config(**change), state=state)
    with pytest.raises(LatentExplorerError, match="images are no longer those"):
        fit(replace(digits, key="digits:2"), run_config(), state=state)


def test_a_state_is_one_file_written_whole(digits, tmp_path, monkeypatch) -> None:
    states: list[TrainingState] = []
    fit(digits, run_config(), save=states.append)
    file = tmp_path / "state"
    states[0].write(file)
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LatentExplorerError, match=r"saved before is whole.*bytes are needed"):
        states[1].write(file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    monkeypatch.undo()
    states[1].write(file)
    read = TrainingState.read(file)
    assert read.record == states[1].record
    assert all(torch.equal(value, read.tensors[name]) for name, value in states[1].tensors.items())


def test_a_damaged_state_is_named(digits, tmp_path) -> None:
    file = tmp_path / "state"
    with pytest.raises(LatentExplorerError, match="missing or damaged"):
        TrainingState.read(file)
    states: list[TrainingState] = []
    fit(digits, run_config(training={"epochs": 1}), save=states.append)
    states[0].write(file)
    content = file.read_bytes()
    for damaged in (b"", content[:100], content[:-10], content.replace(b"epoch", b"epcoh")):
        file.write_bytes(damaged)
        with pytest.raises(LatentExplorerError, match="missing or damaged"):
            TrainingState.read(file)
    file.write_bytes(content.replace(b'format_version\\": 2', b'format_version\\": 9'))
    with pytest.raises(LatentExplorerError, match="has format 9"):
        TrainingState.read(file)


def test_observers_are_told_what_they_need(digits) -> None:
    seen: list[TrainingProgress] = []
    fitted = fit(digits, run_config(), seen.append)
    ends = [progress for progress in seen if progress.metrics]
    within = [progress for progress in seen if progress.terms and not progress.metrics]
    assert [list(progress.kl_per_dim) for progress in ends] == fitted.kl_per_dim
    for progress, row in zip(ends, fitted.history, strict=True):
        assert sum(progress.kl_per_dim) == pytest.approx(row["validation_kl"])
        assert progress.model is not None
        assert not progress.model.training
    # The model at the best epoch is the one that is returned, and a later step left it alone.
    best = ends[fitted.best_epoch - 1].model.state_dict()
    assert all(torch.equal(value, best[name]) for name, value in fitted.model.state_dict().items())
    last = within[-1]
    assert last.terms["train_reconstruction"] == pytest.approx(
        fitted.history[-1]["train_reconstruction"]
    )
    assert last.terms["train_kl"] == pytest.approx(fitted.history[-1]["train_kl"])
    assert within[0].images_per_second > 100
    seconds = [progress.seconds for progress in seen]
    assert seconds == sorted(seconds)


def test_reports_come_by_time(digits, monkeypatch) -> None:
    monkeypatch.setattr(loop, "REPORT_EVERY", 1000.0)
    seen: list[TrainingProgress] = []
    fit(digits, run_config(), seen.append)
    assert len(seen) == 1 + 3  # the beginning, and each epoch
    autoencoder: RunConfig = run_config(model={"deterministic": True}, training={"epochs": 1})
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    seen.clear()
    fit(digits, autoencoder, seen.append)
    assert {name for progress in seen for name in progress.terms} == {"train_reconstruction"}
    assert seen[-1].kl_per_dim == []


@pytest.mark.parametrize("deterministic", [False, True])
def test_rows_of_many_epochs_are_read_as_written_and_leave_the_header_small(
    tmp_path: Path, deterministic: bool
) -> None:
    config = run_config(model={"deterministic": deterministic})
    row = {"epoch": 1, "validation_loss": 1 / 3, "learning_rate": 1e-3}
    record = Record(
        run=config, images="key", epoch=1000, step=0, totals=(0.0, 0.0), best_epoch=1,
        cycle_start=0, seconds=1.0, precision="fp32", device="cpu", learner={},
        history=tuple(row | {"epoch": epoch} for epoch in range(1, 1001)),
        kl_per_dim=((),) * 1000 if deterministic else ((0.1, 2 / 3),) * 1000,
    )  # fmt: skip
    TrainingState(record, {"x": torch.ones(1)}).write(tmp_path / "state")
    read = TrainingState.read(tmp_path / "state")
    assert read.record == record
    assert list(read.tensors) == ["x"]
    assert isinstance(read.record.history[0]["epoch"], int)
    content = (tmp_path / "state").read_bytes()
    assert int.from_bytes(content[:8], "little") < 5000  # bytes of the header
