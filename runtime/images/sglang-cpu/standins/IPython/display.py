"""The two names that `sglang.utils` imports."""


class HTML(str):
    """Markup for a notebook; there is none here."""

    __slots__ = ()


def display(*_: object) -> None:
    """Show nothing: a server has no notebook."""
