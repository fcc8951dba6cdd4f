"""q(z|x): the diagonal Gaussian of a VAE, the point mass of an autoencoder."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints

# |logvar| stays below this, so σ between 0.0025 and 400: out of reach of overflow and underflow.
LOGVAR_BOUND = 12.0


def gaussian(mean: Tensor, logvar: Tensor) -> Distribution:
    """N(mean, exp(logvar)) over the last dimension, in float32.

    `logvar` is bounded by a tanh: the identity near 0, and unlike a clamp never without gradient.
    """
    logvar = LOGVAR_BOUND * torch.tanh(logvar.float() / LOGVAR_BOUND)
    return Independent(Normal(mean.float(), torch.exp(logvar / 2), validate_args=False), 1)


class PointMass(Distribution):
    """δ(z - mean): all an autoencoder says about z. KL and entropy are not defined."""

    has_rsample = True

    def __init__(self, mean: Tensor):
        self._mean = mean
        super().__init__(mean.shape[:-1], mean.shape[-1:], validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        return {"mean": constraints.real_vector}

    @property
    def mean(self) -> Tensor:
        return self._mean

    @property
    def stddev(self) -> Tensor:
        return torch.zeros_like(self._mean)

    @property
    def variance(self) -> Tensor:
        return torch.zeros_like(self._mean)

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        return self._mean.expand(torch.Size(sample_shape) + self._mean.shape)
