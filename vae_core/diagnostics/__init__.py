"""Measures of a model and its latents: arrays and callables in, numbers out."""
