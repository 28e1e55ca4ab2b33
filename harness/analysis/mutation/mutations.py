"""How one database becomes another: each function takes rows and returns rows, a few of them changed."""

from collections.abc import Callable
from random import Random

from harness.analysis.mutation.copies import Copier
from harness.analysis.mutation.entries import Entry
from harness.analysis.mutation.material import Aim, Material
from harness.analysis.mutation.seeds import Joined
from harness.analysis.mutation.values import perturb

__all__ = ["MUTATIONS", "Rows", "aim_at", "fits", "repeat"]

Rows = list[Entry]
Mutation = Callable[[Rows, Material, Copier, Random], Rows]


def aim_at(joined: Joined, aim: Aim) -> Joined:
    """Return the joined rows with the aim's value wherever its column stands."""
    table, column = aim.place
    return tuple(row.altered(column, aim.value) if row.table == table else row for row in joined)


def fits(entry: Entry, material: Material) -> bool:
    """Whether SQLite would take the row without an error that `OR IGNORE` does not cover: a wrong storage class."""
    table = material.blueprint.tables[entry.table]
    alias = table.rowid_alias.lower()
    if alias and not isinstance(entry.cells.get(alias), int | None):
        return False
    if entry.table not in material.blueprint.strict:
        return True
    return all(_stores(column.type.upper(), entry.cells.get(column.name.lower())) for column in table.columns)


def _stores(declared: str, value: object) -> bool:
    kinds = {"INT": int, "INTEGER": int, "REAL": int | float, "TEXT": str, "BLOB": bytes}
    return value is None or isinstance(value, kinds.get(declared, object))


def repeat(rows: Rows, material: Material, copier: Copier, random: Random) -> Rows:
    """Let a row, or joined rows, occur about as often as a LIMIT or a HAVING counts."""
    size = random.choice(material.counts) + random.choice((-1, 0, 0, 1, 1))
    if material.joined and random.random() < 0.6:  # noqa: PLR2004
        joined = random.choice(material.joined)
        around = random.choice([None, *joined])
        return [*rows, *(row for _ in range(size) for row in copier.clone(joined, around))]
    pattern, choice = random.choice(rows), random.randrange(2)
    places = [column for table, column in material.read_places if table == pattern.table]
    copies = []
    varied = random.choice(places) if places and random.random() < 0.5 else ""  # noqa: PLR2004
    for _ in range(size):
        copy = copier.duplicate(pattern, choice)
        copies.append(copy.altered(varied, copier.fresh(copy.cells.get(varied))) if varied else copy)
    return [*rows, *copies]


def _drop(rows: Rows, _material: Material, _copier: Copier, random: Random) -> Rows:
    gone = random.randrange(len(rows))
    return rows[:gone] + rows[gone + 1 :]


def _duplicate(rows: Rows, _material: Material, copier: Copier, random: Random) -> Rows:
    return [*rows, copier.duplicate(random.choice(rows))]


def _dangle(rows: Rows, _material: Material, copier: Copier, random: Random) -> Rows:
    return [*rows, copier.dangle(random.choice(rows))]


def _change(rows: Rows, material: Material, copier: Copier, random: Random) -> Rows:
    """Change a cell in place, or in a copy of its row: NULL, a neighbour, another value of the column."""
    position = random.randrange(len(rows))
    entry = rows[position]
    places = [column for table, column in material.read_places if table == entry.table]
    column = random.choice(places or list(entry.cells) or [""])
    if not column:
        return rows
    pool = material.pools.get((entry.table, column), [])
    chosen = random.random()
    if chosen < 0.15:  # noqa: PLR2004
        value = None
    elif pool and chosen < 0.6:  # noqa: PLR2004
        value = random.choice(pool)
    else:
        value = perturb(entry.cells.get(column), random)
    if random.random() < 0.5:  # noqa: PLR2004
        return [*rows, copier.duplicate(entry).altered(column, value)]
    return [*rows[:position], entry.altered(column, value), *rows[position + 1 :]]


def _swap(rows: Rows, material: Material, _copier: Copier, random: Random) -> Rows:
    """Let two rows of one table change a cell."""
    table, column = random.choice(material.read_places or [("", "")])
    positions = [i for i, entry in enumerate(rows) if entry.table == table]
    if len(positions) < 2:  # noqa: PLR2004
        return rows
    one, two = random.sample(positions, 2)
    changed = list(rows)
    changed[one] = rows[one].altered(column, rows[two].cells.get(column))
    changed[two] = rows[two].altered(column, rows[one].cells.get(column))
    return changed


def _tie(rows: Rows, material: Material, _copier: Copier, random: Random) -> Rows:
    """Give all rows of a table the same value in one column."""
    table, column = random.choice(material.read_places or [("", "")])
    values = [entry.cells.get(column) for entry in rows if entry.table == table]
    if not values:
        return rows
    value = random.choice(values)
    return [entry.altered(column, value) if entry.table == table else entry for entry in rows]


def _empty_table(rows: Rows, material: Material, _copier: Copier, random: Random) -> Rows:
    table = random.choice(sorted(material.blueprint.tables))
    return [entry for entry in rows if entry.table != table]


def _single_rows(rows: Rows, _material: Material, _copier: Copier, _random: Random) -> Rows:
    return list({entry.table: entry for entry in rows}.values())


def _stranger(rows: Rows, material: Material, copier: Copier, random: Random) -> Rows:
    """Add a row that was never asked to join with anything."""
    table = random.choice(sorted(material.blueprint.tables))
    return [*rows, copier.duplicate(material.sample(table, random, len(rows)))]


MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    (_duplicate, 6),
    (_change, 8),
    (_dangle, 4),
    (_drop, 2),
    (_swap, 2),
    (_stranger, 3),
    (_tie, 1),
    (_empty_table, 1),
    (_single_rows, 1),
)
"""Each with its weight."""
