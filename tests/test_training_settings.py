"""What a training runs with: device, precision, batch size and memory format."""

import pytest
import torch

from tests import small_models
from tests.small_models import run_config as config
from vae_core import settings
from vae_core.config import RunConfig
from vae_core.errors import UnknownName
from vae_core.training import automatic_batch_size, fit

digits = small_models.digits


def test_a_device_that_is_not_here_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert settings.device("auto") == settings.device("cpu") == "cpu"
    with pytest.raises(UnknownName, match=r"'cuda'. Must be one of: cpu\."):
        settings.device("cuda")


def test_precision_is_chosen_by_the_processor(monkeypatch):
    for fast, expected in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(settings, "has_fast_bf16", lambda fast=fast: fast)
        assert settings.precision("auto", "cpu") == expected
        assert settings.precision("fp32", "cpu") == "fp32"
        assert settings.precision("auto", "mps") == "fp32"


def test_a_resumed_training_keeps_the_precision_that_auto_chose(digits, monkeypatch):
    auto, states = config(training={"epochs": 1, "precision": "auto"}), []
    monkeypatch.setattr(settings, "has_fast_bf16", lambda: True)
    fit(digits, auto, save=states.append)
    monkeypatch.setattr(settings, "has_fast_bf16", lambda: False)  # another processor
    longer = config(training={"epochs": 2, "precision": "auto"})
    assert fit(digits, longer, state=states[-1]).precision == "bf16"


def test_bf16_trains_too(digits):
    result = fit(digits, config(training={"epochs": 2, "precision": "bf16"}))
    assert result.precision == "bf16"
    assert all(value.dtype == torch.float32 for value in result.model.state_dict().values())
    assert result.history[-1]["validation_loss"] < result.history[0]["validation_loss"]


@pytest.mark.parametrize(
    ("images", "size"), [(1, 16), (1_437, 16), (18_000, 64), (55_000, 256), (10**7, 256)]
)
def test_the_automatic_batch_makes_about_200_steps(images: int, size: int) -> None:
    assert automatic_batch_size(images) == size


def test_a_short_training_by_default_does_not_collapse(digits) -> None:
    # With the usual 128 images a step this ended with a KL of 0.0 nats.
    result = fit(digits, RunConfig(data={"dataset": "digits"}, training={"epochs": 3}))
    assert result.history[-1]["validation_kl"] > 1


@pytest.mark.parametrize("channels_last", [True, False])
def test_the_memory_format_can_be_chosen_and_is_recorded(digits, channels_last: bool) -> None:
    chosen = config(
        model={"architecture": "conv"}, training={"epochs": 1, "channels_last": channels_last}
    )
    weights = fit(digits, chosen).model.encoder.parameters()
    wide = next(weight for weight in weights if tuple(weight.shape[1:]) == (8, 3, 3))
    assert wide.is_contiguous(memory_format=torch.channels_last) is channels_last
    assert f'"channels_last":{str(channels_last).lower()}' in chosen.model_dump_json()
