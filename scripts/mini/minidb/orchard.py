"""A cider orchard: its plots, the apple varieties, every tree, and what was picked from it."""

from __future__ import annotations

from datetime import date

from minidb.draw import Draw
from minidb.model import Column, Database, Row, Table

__all__ = ["DATABASE"]

PLOTS: tuple[Row, ...] = (
    (1, "Chapel Piece", "south", 1.5),
    (2, "Long Acre", "flat", 2.25),
    (3, "Badger Bank", "north", 0.75),
    (4, "Mill Corner", "flat", 1.0),
    (5, "Upper Ridge", "north", 2.0),
    (6, "Sunny Side", "south", 2.75),
    (7, "Brook End", "flat", 0.5),
    (8, "Old Nursery", "south", 1.25),
    (9, "Quarry Field", "north", 1.75),
    (10, "Rook Hill", "south", 0.625),
    (11, "Fallow Strip", "flat", 0.25),
)

VARIETIES: tuple[Row, ...] = (
    (1, "Kingston Black", "cider", 6, 10),
    (2, "Dabinett", "cider", 7, 11),
    (3, "Foxwhelp", "cider", 3, 9),
    (4, "Yarlington Mill", "cider", 7, 11),
    (5, "Michelin", "cider", 5, 10),
    (6, "Brown Snout", "cider", 6, 10),
    (7, "Bramley", "cooking", 2, 10),
    (8, "Grenadier", "cooking", 3, 8),
    (9, "Newton Wonder", "cooking", 4, 11),
    (10, "Egremont Russet", "dessert", 8, 10),
    (11, "Discovery", "dessert", 9, 8),
    (12, "Blenheim Orange", "dessert", 7, 9),
    (13, "Ashmead Kernel", "dessert", 8, 10),
    (14, "Worcester Pearmain", "dessert", 9, 9),
    (15, "Stoke Red", "cider", 4, 11),
    (16, "Peasgood Nonsuch", "cooking", 5, 9),
)

TREE_COUNT = 64
HEALTH = ("good", "good", "good", "fair", "fair", "poor", None)
PICKERS = ("Ana", "Ana", "Ben", "Clara", "Clara", "Clara", "Dilip", "Emma", "Emma", None)
BEST_KG = {"good": 92, "fair": 61, "poor": 33, None: 70}


def plant_trees() -> tuple[Row, ...]:
    """Return the rows of `tree`; Stoke Red is never planted, Fallow Strip stays empty."""
    draw = Draw(11)
    return tuple(
        (
            tree_id,
            draw.one((1, 1, 2, 2, 2, 3, 4, 5, 5, 6, 6, 6, 6, 7, 8, 9, 9, 10)),
            draw.one((1, 1, 2, 2, 2, 3, 4, 5, 6, 7, 7, 7, 8, 9, 10, 11, 11, 12, 13, 14, 16)),
            draw.whole(1988, 2019),
            draw.one(HEALTH),
        )
        for tree_id in range(1, TREE_COUNT + 1)
    )


def pick_apples(trees: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the rows of `harvest`: at most one picking per tree and autumn, in the ripe month."""
    draw = Draw(12)
    ripe_month = {row[0]: row[4] for row in VARIETIES}
    rows: list[Row] = []
    for tree_id, _, variety_id, _, health in trees:
        for year in (2021, 2022, 2023):
            if not draw.chance(0.58):
                continue
            month = int(str(ripe_month[variety_id]))
            picked_on = draw.day(date(year, month, 1), date(year, month, 28)).isoformat()
            weight = draw.halves(11, BEST_KG[None if health is None else str(health)])
            rows.append((tree_id, picked_on, weight, draw.one(PICKERS)))
    return tuple(rows)


TREES = plant_trees()

PLOT = Table(
    name="plot",
    key=("plot_id",),
    columns=(
        Column("plot_id", "integer", "unique id of the plot"),
        Column("name", "text", "name of the plot"),
        Column("slope", "text", "the way the ground faces", "north, south or flat"),
        Column("area_ha", "real", "area of the plot in hectares", label="area in hectares"),
    ),
    rows=PLOTS,
)
VARIETY = Table(
    name="variety",
    key=("variety_id",),
    columns=(
        Column("variety_id", "integer", "unique id of the variety"),
        Column("name", "text", "name of the apple variety"),
        Column("purpose", "text", "what the apples are for", "cider, dessert or cooking"),
        Column("sweetness", "integer", "how sweet the apple is", "1 is sharp, 10 is very sweet"),
        Column("ripe_month", "integer", "month in which the apples ripen", "8 is August"),
    ),
    rows=VARIETIES,
)
TREE = Table(
    name="tree",
    key=("tree_id",),
    columns=(
        Column("tree_id", "integer", "unique id of the tree"),
        Column("plot_id", "integer", "plot on which it stands", refers_to="plot.plot_id"),
        Column("variety_id", "integer", "variety of the tree", refers_to="variety.variety_id"),
        Column("planted_year", "integer", "year in which the tree was planted"),
        Column(
            "health",
            "text",
            "health at the last inspection",
            "good, fair or poor; empty: not inspected yet",
            nullable=True,
        ),
    ),
    rows=TREES,
)
HARVEST = Table(
    name="harvest",
    key=("tree_id", "picked_on"),
    columns=(
        Column("tree_id", "integer", "tree that was picked", refers_to="tree.tree_id"),
        Column("picked_on", "date", "day of the picking", "YYYY-MM-DD"),
        Column("weight_kg", "real", "weight of the apples in kilograms", label="weight in kg"),
        Column("picker", "text", "first name of the picker", "empty: not noted", nullable=True),
    ),
    rows=pick_apples(TREES),
)

DATABASE = Database("orchard", (PLOT, VARIETY, TREE, HARVEST))
