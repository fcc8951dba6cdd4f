"""Latent Explorer's library: image VAEs, their latent space, and ways to look at it.

The rooms and how they depend on one another are described in README.md ("How it is built").
"""

__version__ = "0.1.0"
