"""The one exception of `ttr up` and its neighbours that is meant for the person at the terminal."""


class Refusal(Exception):
    """A command can't go on; the text is whole sentences that say why and what to do about it."""
