"""Times in which we were blind: the clock was silent, or no web process could take pings. Pure."""

BLIND_AFTER_MS = 2_000
"""Silence of the clock or of every web process that counts as a time in which we were blind. Both tick twice
a second, so three ticks in a row are missing."""

Gap = tuple[int, int]
"""From when to when, ms UTC; the end lies outside."""
