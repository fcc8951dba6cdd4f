"""What a training will cost: memory by shapes as autograd really keeps it, time by real steps."""

import math

import pytest
import torch

from vae_core import costs, jobs
from vae_core.config import ImageFormat, ModelConfig, RunConfig, TrainingConfig
from vae_core.models import VAE, count_parameters
from vae_core.objectives import Objective

IMAGE = ImageFormat(channels=1, size=12)


def a_run(batch: int = 16, **model) -> RunConfig:
    return RunConfig(
        model=ModelConfig(latent_dim=3, width=4, **model),
        training=TrainingConfig(batch_size=batch, precision="fp32"),
    )


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_parameters_are_those_of_the_model(architecture) -> None:
    run = a_run(architecture=architecture)
    assert costs.parameters(IMAGE, run) == count_parameters(VAE(IMAGE, run.model))


def kept_by_autograd(run: RunConfig, batch: int) -> int:
    """Bytes that a real step keeps for its way back, weights aside."""
    model = VAE(IMAGE, run.model)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        x = torch.rand(batch, *IMAGE.shape)
        loss, _ = Objective(model, run.objective)(x, torch.randn(batch, 3), 1.0)
    del loss
    return sum(kept.values())


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_memory_is_what_autograd_keeps_and_the_weights(architecture) -> None:
    run = a_run(architecture=architecture)
    memory = costs._memory(IMAGE, run, 1000)
    weights = costs.COPIES * 4 * costs.parameters(IMAGE, run)
    expected = weights + 1000 * IMAGE.pixels + kept_by_autograd(run, 16)
    assert memory == pytest.approx(expected, rel=0.02)
    larger = costs._memory(IMAGE, a_run(256, architecture=architecture), 1000)
    assert larger - memory == pytest.approx(
        kept_by_autograd(run, 256) - kept_by_autograd(run, 16), rel=0.02
    )


def test_questions_differ_in_what_matters_only() -> None:
    run = a_run()
    other = run.model_copy(
        update={"training": run.training.model_copy(update={"epochs": 7, "seed": 3})}
    )
    assert costs.Question.about(IMAGE, run, 10, 1) == costs.Question.about(IMAGE, other, 10, 1)
    wider = a_run(architecture="conv", likelihood="gaussian")
    assert costs.Question.about(IMAGE, run, 10, 1) != costs.Question.about(IMAGE, wider, 10, 1)
    assert costs.Question.about(IMAGE, run, 10, 1) != costs.Question.about(IMAGE, run, 20, 1)


def test_an_epoch_is_as_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that goes on by 0.25 s a look, a step takes 0.25 s: 63 of them, and the
    validation of 200 images as a third of 12.5 more."""
    clock = iter(0.25 * tick for tick in range(10_000))
    monkeypatch.setattr(costs.time, "perf_counter", lambda: next(clock))
    epoch = costs._seconds(IMAGE, a_run(), 1000, 200)
    # Steps of 8 and of 16 images seem alike to this clock; two of the former make one.
    assert epoch == pytest.approx((63 + 200 / 16 / 3) * 0.25, rel=1e-6)


def test_what_is_too_large_to_try_is_not_tried() -> None:
    run = RunConfig(model=ModelConfig(width=512, architecture="mlp"))
    assert costs.estimate(costs.Question.about(IMAGE, run, 1000, 100)).epoch is None


def test_a_job_answers() -> None:
    question = costs.Question.about(IMAGE, a_run(), 1000, 100)
    result = jobs.start("cost", {}, question.model_dump_json(), "a question").wait()
    assert int(result["memory"]) == costs._memory(IMAGE, a_run(), 1000)
    assert 0 < float(result["epoch"]) < math.inf
