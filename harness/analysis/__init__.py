"""SQL understood as trees: what it names, what it is equivalent to, what is doubtful about it."""

__all__: list[str] = []
