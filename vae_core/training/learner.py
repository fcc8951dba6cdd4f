"""A model with its optimiser, schedule and weight average: all that a training step changes."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel

from vae_core.config import ImageFormat, ModelConfig, RunConfig
from vae_core.models import VAE
from vae_core.models.networks import to_channels_last
from vae_core.objectives import Objective, Terms
from vae_core.training.ranks import Ranks

Tensors = tuple[Tensor, ...] | list[Tensor]


class NotFinite(ArithmeticError):
    """A loss or gradient that is not finite; the weights are those before it."""

    def __init__(self, loss: float):
        super().__init__(f"loss {loss:g}")
        self.loss = loss


def new_model(image: ImageFormat, config: ModelConfig, seed: int = 0) -> VAE:
    """A model with freshly drawn weights, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # leaves the accelerators' generators alone
        return VAE(image, config)


class Learner:
    """`update` makes one step; `capture` and `restore` carry all of it over, bit for bit.

    `steps` is the length of the one-cycle schedule (Smith & Topin 2018, arXiv:1708.07120).
    """

    def __init__(self, model: VAE, config: RunConfig, steps: int, ranks: Ranks):
        options = config.training
        self.ranks = ranks
        self.model = model.to(ranks.device)
        if options.channels_last:
            to_channels_last(self.model)
        self._clip_norm = options.clip_norm
        self._objective = Objective(self.model, config.objective)
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=options.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=options.weight_decay,
            fused=ranks.device.type != "mps",
        )
        self._schedule = OneCycleLR(
            self._optimizer,
            options.learning_rate,
            # At a fifth of exactly one step, torch 2.13 divides by zero.
            total_steps=max(steps, 6),
            pct_start=0.2,
        )
        self._average = AveragedModel(self.model, multi_avg_fn=ema(options.ema), use_buffers=True)
        self._average.requires_grad_(False).eval()

    @property
    def averaged(self) -> VAE:
        """The average of the weights over steps, in evaluation mode and not trainable."""
        return cast(VAE, self._average.module)

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        return float(self._schedule.get_last_lr()[0])

    def update(self, x: Tensor, noise: Tensor, weight: float, count: int) -> Terms:
        """Learn from this rank's share of a batch of `count` images; the batch's mean terms.

        Raises NotFinite, with the weights unchanged.
        """
        with self.ranks.autocast():
            loss, terms = self._objective(
                x, noise, weight, self.ranks.mean(count), self.ranks.gather(count)
            )
        self._optimizer.zero_grad()
        loss.backward()
        self.ranks.average_gradients(self.model)
        norm = clip_grad_norm_(self.model.parameters(), self._clip_norm)
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            raise NotFinite(loss.item())
        self._optimizer.step()
        self._schedule.step()
        self._average.update_parameters(self.model)
        return terms.detach()

    def capture(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Copies of all tensors on the CPU by name, and the numbers beside them as for JSON."""
        tensors = {
            **named("model", self.model.state_dict()),
            **named("average", self.averaged.state_dict()),
        }
        for index, moments in self._optimizer.state_dict()["state"].items():
            tensors |= named(f"moments/{index}", moments)
        numbers = {
            "averaged": int(self._average.n_averaged),
            "schedule": self._schedule.state_dict(),
            "groups": [
                {"lr": group["lr"], "betas": list(group["betas"])}
                for group in self._optimizer.param_groups
            ],
        }
        return tensors, numbers

    def restore(
        self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any], same_cycle: bool
    ) -> None:
        """Go on from what `capture` gave; the schedule begins anew unless it is the `same_cycle`.

        Raises RuntimeError if the tensors are those of another model.
        """
        self.model.load_state_dict(without("model", tensors))
        self.averaged.load_state_dict(without("average", tensors))
        self._average.n_averaged.fill_(numbers["averaged"])
        self.model.likelihood.observed = numbers["averaged"]
        for index, parameter in enumerate(self.model.parameters()):
            for name, value in without(f"moments/{index}", tensors).items():
                # In the parameter's memory format, as the fused optimiser expects.
                place = torch.empty_like(parameter if value.dim() else value)
                self._optimizer.state[parameter][name] = place.to(parameter.device).copy_(value)
        if same_cycle:
            self._schedule.load_state_dict(dict(numbers["schedule"]))
            for group, saved in zip(self._optimizer.param_groups, numbers["groups"], strict=True):
                group["lr"], group["betas"] = saved["lr"], tuple(saved["betas"])


def snapshot(model: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of a model's weights."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU under `prefix`/…, dense and of their own memory."""
    return {
        f"{prefix}/{name}": value.detach().cpu().contiguous().clone()
        for name, value in tensors.items()
    }


def without(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that `named` put under `prefix`, under their own names."""
    return {
        name.removeprefix(f"{prefix}/"): value
        for name, value in tensors.items()
        if name.startswith(f"{prefix}/")
    }


def ema(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """An exponential average over steps that forgets its random start quickly."""

    @torch.no_grad()
    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        now = min(decay, (1 + int(count)) / (10 + int(count))) if decay else 0.0
        torch._foreach_lerp_(averaged, current, 1 - now)  # pyright: ignore[reportPrivateImportUsage]

    return update
