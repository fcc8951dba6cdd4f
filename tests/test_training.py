"""`fit` on scikit-learn's digits: it learns, repeats itself, stops, and keeps the best."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import small_models
from tests.small_models import run_config as config
from vae_core.datasets.base import ImageSet
from vae_core.errors import Cancelled, LatentExplorerError, TrainingDiverged
from vae_core.objectives import Objective
from vae_core.training import Fit, TrainingProgress, fit, loop, new_model
from vae_core.training.learner import ema

digits = small_models.digits


@pytest.fixture(scope="module")
def fitted(digits: ImageSet) -> Fit:
    return fit(digits, config())


class Recorder:
    """Images that remember which of them were asked for."""

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels
        self.seen: list[int] = []

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        self.seen += indices.tolist()
        return self.pixels[indices]


def watch_batches(monkeypatch, change: Callable | None = None) -> list[torch.Tensor]:
    """Every batch that the loss is computed on; `change(call, loss)` may spoil the loss."""
    batches: list[torch.Tensor] = []
    forward = Objective.forward

    def spy(self, x, *others):
        batches.append(x.clone())
        loss, terms = forward(self, x, *others)
        return (change(len(batches), loss) if change else loss), terms

    monkeypatch.setattr(Objective, "forward", spy)
    return batches


def test_it_learns(fitted):
    losses = [row["validation_loss"] for row in fitted.history]
    assert losses[-1] < losses[0] - 1
    assert losses[-1] < 32  # a constant grey level a pixel costs about 40 nats
    assert [row["epoch"] for row in fitted.history] == [1, 2, 3]
    for row in fitted.history:
        assert row["validation_loss"] == pytest.approx(
            row["validation_reconstruction"] + row["validation_kl"]
        )
    assert fitted.best_epoch == 1 + int(np.argmin(losses))
    assert (fitted.precision, fitted.device) == ("fp32", "cpu")
    assert not fitted.model.training
    assert not any(weight.requires_grad for weight in fitted.model.parameters())


def test_the_same_seed_gives_the_same_weights(digits, fitted):
    again = fit(digits, config()).model.state_dict()
    other = fit(digits, config(training={"seed": 1})).model.state_dict()
    first = fitted.model.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_the_global_generators_are_left_alone(digits):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - it is this generator that must not change
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    fit(digits, config(training={"epochs": 1}))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.random.get_state()[1].tolist() == numpy_before  # noqa: NPY002


def test_only_the_train_split_is_learned_from(digits, monkeypatch):
    recorder = Recorder(digits.batch(slice(None)))
    batches = watch_batches(monkeypatch)
    fit(replace(digits, images=recorder), config(training={"epochs": 2}))
    splits = {name: set(indices.tolist()) for name, indices in digits.splits.items()}
    assert set(recorder.seen) == splits["train"] | splits["validation"]

    learned = {
        np.round(image.numpy() * 255).astype(np.uint8).tobytes() for image in torch.cat(batches)
    }
    train = {image.tobytes() for image in digits.select("train").batch(slice(None))}
    assert learned == train
    # Each epoch sees each image once, and in another order.
    half = len(batches) // 2
    one, two = torch.cat(batches[:half]), torch.cat(batches[half:])
    assert len(one) == len(two) == len(splits["train"])
    assert not torch.equal(one, two)
    assert torch.equal(one.sum((1, 2, 3)).sort().values, two.sum((1, 2, 3)).sort().values)


def test_binarised_targets_are_binary_and_drawn_anew(digits, monkeypatch):
    batches = watch_batches(monkeypatch)
    fit(digits, config(objective={"binarize": True}, training={"epochs": 2}))
    assert set(torch.cat(batches).unique().tolist()) == {0, 1}
    mean = digits.select("train").batch(slice(None)).mean() / 255
    assert torch.cat(batches).mean().item() == pytest.approx(mean, abs=0.01)
    half = len(batches) // 2
    totals = [torch.cat(part).sum().item() for part in (batches[:half], batches[half:])]
    assert totals[0] != totals[1]


def test_gaussian_learns_its_sigma(digits):
    result = fit(digits, config(model={"likelihood": "gaussian"}, training={"epochs": 6}))
    pixels = torch.from_numpy(digits.select("validation").batch(slice(None))).float() / 255
    model = result.model
    rmse = (model.decode(model.encode(pixels).mean).mean - pixels).square().mean().sqrt()
    assert model.likelihood.sigma.item() == pytest.approx(rmse.item(), rel=0.25)
    assert result.history[-1]["validation_loss"] < result.history[0]["validation_loss"]


def test_an_autoencoder_has_no_kl_in_its_history(digits):
    messages = []
    result = fit(
        digits,
        config(model={"deterministic": True}, training={"epochs": 2}),
        lambda progress: messages.append(progress.message),
    )
    assert not any("kl" in name for row in result.history for name in row)
    last = result.history[-1]
    assert last["validation_loss"] == last["validation_reconstruction"]
    assert last["validation_loss"] < result.history[0]["validation_loss"]
    assert f"validation {last['validation_loss']:.2f} nats" in messages[-1]


def test_progress_is_monotone_and_ends_at_the_last_epoch(digits):
    seen: list[TrainingProgress] = []
    result = fit(digits, config(), seen.append)
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert done[0] == 0
    assert (done[-1], seen[-1].total, seen[-1].fraction) == (3, 3, 1)
    rows = [progress.metrics for progress in seen if progress.metrics]
    assert rows == result.history
    assert "validation" in seen[-1].message


def test_the_callback_may_stop(digits):
    def stop(progress: TrainingProgress) -> None:
        if progress.done >= 1:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        fit(digits, config(training={"epochs": 1000}), stop)


def test_early_stopping_keeps_the_best_weights(digits, monkeypatch):
    """Validation is best in epoch 2 of the losses given here; 3 epochs later training ends."""
    losses = iter([9.0, 5.0, 6.0, 5.5, 7.0, 1.0])
    validated = []

    def validate(model, *_):
        validated.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(losses), [0.0, 0.0]

    monkeypatch.setattr(loop, "validate", validate)
    result = fit(digits, config(training={"epochs": 6, "patience": 3}))
    assert len(result.history) == 5
    assert result.best_epoch == 2
    kept = result.model.state_dict()
    assert all(torch.equal(kept[name], validated[1][name]) for name in kept)
    assert any(not torch.equal(kept[name], validated[4][name]) for name in kept)


def test_validation_counts_the_kl_in_full_during_warmup(digits):
    result = fit(
        digits,
        config(
            objective={"beta": 3, "warmup": "linear", "warmup_epochs": 100},
            training={"epochs": 1},
        ),
    )
    row = result.history[0]
    assert row["validation_loss"] == pytest.approx(
        row["validation_reconstruction"] + 3 * row["validation_kl"]
    )


def test_a_nan_stops_with_advice_and_keeps_the_best_epoch(digits, monkeypatch):
    batches = watch_batches(monkeypatch, lambda call, loss: loss * (torch.nan if call == 20 else 1))
    with pytest.raises(TrainingDiverged, match=r"learning rate below 0\.003") as caught:
        fit(digits, config())
    kept = caught.value.fit
    assert isinstance(kept, Fit)
    assert len(batches) == 20
    assert (kept.best_epoch, len(kept.history)) == (1, 1)
    assert "epoch 2, step 8" in str(caught.value)
    assert "weights of epoch 1 are kept" in str(caught.value)
    assert all(torch.isfinite(value).all() for value in kept.model.state_dict().values())
    assert not kept.model.training  # ready for use, as after a training that ended well
    assert not any(weight.requires_grad for weight in kept.model.parameters())


def test_weights_that_overflow_are_noticed_at_the_first_step(digits, monkeypatch):
    def huge(*arguments):
        model = new_model(*arguments)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1e30)
        return model

    monkeypatch.setattr(loop, "new_model", huge)
    with pytest.raises(
        TrainingDiverged, match=r"epoch 1, step 1\..*precision fp32.*nothing to keep"
    ):
        fit(digits, config())


def test_an_absurd_learning_rate_ends_with_the_best_weights(digits):
    """Adam's steps are bounded, so this need not overflow; it must not end in the worst."""
    absurd = {"learning_rate": 1.0, "clip_norm": 1e30, "epochs": 4}
    result = fit(digits, config(training=absurd))
    losses = [row["validation_loss"] for row in result.history]
    assert result.best_epoch == 1 + int(np.argmin(losses))
    assert max(losses) > 2 * min(losses)


def test_a_validation_that_is_not_finite_is_noticed(digits, monkeypatch):
    """Weights can explode in an epoch's last step, when no further batch would tell."""
    monkeypatch.setattr(loop, "validate", lambda *_: (float("nan"), [0.0, 0.0]))
    with pytest.raises(TrainingDiverged, match="nothing to keep"):
        fit(digits, config(training={"epochs": 1}))


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_one_batch_an_epoch(digits, epochs):
    """torch's one-cycle schedule divides by zero at exactly five steps."""
    result = fit(digits, config(training={"epochs": epochs, "batch_size": 2000}))
    assert len(result.history) == epochs
    assert result.history[0]["learning_rate"] > 1e-6


def test_the_average_can_be_switched_off(digits, monkeypatch):
    seen = []
    validate = loop.validate

    def spy(model, *others):
        seen.append(model.encoder[1].weight.clone())
        return validate(model, *others)

    monkeypatch.setattr(loop, "validate", spy)
    for decay in (0.0, 0.999):
        fit(digits, config(training={"epochs": 1, "ema": decay}))
    assert not torch.equal(*seen)
    # Without it, what is validated are the weights of the last step.
    update = ema(0.0)
    average, current = [torch.zeros(2)], [torch.tensor([1.0, 2.0])]
    update(average, current, 7)
    assert average[0].tolist() == [1, 2]


def test_the_average_by_hand():
    update = ema(0.9)
    average = [torch.tensor([10.0])]
    update(average, [torch.tensor([0.0])], 0)  # decay (1 + 0) / (10 + 0) at first
    assert average[0].item() == pytest.approx(1)
    average = [torch.tensor([10.0])]
    update(average, [torch.tensor([0.0])], 10_000)
    assert average[0].item() == pytest.approx(9)


def test_a_split_without_images_is_refused(digits):
    empty = replace(digits, splits={**digits.splits, "train": np.array([], dtype=int)})
    with pytest.raises(LatentExplorerError, match="train split of 'digits' has no images"):
        fit(empty, config())
