"""The training studio: its form, what is seen of a run, and the time-lapse."""
