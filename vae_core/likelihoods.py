"""p(x|z): what a decoder's output says about pixels, as `torch.distributions` objects.

Every distribution here is over whole images: `log_prob` sums over pixels, in nats.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, Normal

from vae_core.config import ModelConfig

# σ-VAE: below this, one perfectly predicted batch would make the likelihood explode.
MIN_SIGMA = 1e-3


# From a value for each image `[B, ...]` to their mean over the batch `[...]`.
Mean = Callable[[Tensor], Tensor]


def batch_mean(values: Tensor) -> Tensor:
    """The mean over a batch that is here as a whole."""
    return values.mean(0)


class Likelihood(torch.nn.Module):
    """Turns decoder outputs `[..., C, H, W]` into a distribution over images."""

    observed = 0  # batches that it has learned from

    def forward(self, output: Tensor) -> Distribution:
        raise TypeError("use BernoulliLikelihood or GaussianLikelihood")

    def observe(self, output: Tensor, x: Tensor, mean: Mean = batch_mean) -> Distribution:
        """The distribution to score a training batch with; may learn from the batch.

        `mean` is given where x is a part of the batch only.
        """
        return self(output)


class BernoulliLikelihood(Likelihood):
    """p(x|z) = Π Bernoulli(x_i; sigmoid(output_i)).

    With grey targets `log_prob` is the negative binary cross-entropy: useful, comparable among
    models of grey pixels, but no likelihood, since it does not integrate to one over [0, 1].
    """

    def forward(self, output: Tensor) -> Distribution:
        # Not validated: grey targets lie between the support's 0 and 1, which is meant.
        return Independent(Bernoulli(logits=output, validate_args=False), 3, validate_args=False)


class GaussianLikelihood(Likelihood):
    """p(x|z) = Π N(x_i; sigmoid(output_i), σ²), one σ for all pixels, in grey values of [0, 1].

    With `sigma=None` it is the optimal σ of σ-VAE (Rybkin et al. 2021, arXiv:2006.13202, eq. 6):
    σ² is the mean squared error of the batch while training, and its running average afterwards.
    """

    sigma: Tensor

    def __init__(self, sigma: float | None):
        super().__init__()
        self.optimal = sigma is None
        self.register_buffer("sigma", torch.tensor(0.3 if sigma is None else sigma))

    def forward(self, output: Tensor) -> Distribution:
        return _gaussian(output.sigmoid(), self.sigma)

    def observe(self, output: Tensor, x: Tensor, mean: Mean = batch_mean) -> Distribution:
        if not self.optimal:
            return self(output)
        centre = output.sigmoid()
        error = mean((centre - x).square().flatten(1).mean(1))
        # Bounded before the root, whose gradient at zero is infinite.
        sigma = error.clamp_min(MIN_SIGMA**2).sqrt()
        with torch.no_grad():
            self.observed += 1
            self.sigma.lerp_(sigma.detach(), max(0.02, 1 / self.observed))
        return _gaussian(centre, sigma)


def _gaussian(mean: Tensor, sigma: Tensor) -> Distribution:
    return Independent(
        Normal(mean, sigma.expand_as(mean), validate_args=False), 3, validate_args=False
    )


def build_likelihood(config: ModelConfig) -> Likelihood:
    if config.likelihood == "bernoulli":
        return BernoulliLikelihood()
    return GaussianLikelihood(config.sigma)
