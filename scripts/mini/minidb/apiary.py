"""A beekeepers' association: keepers, their colonies, inspections and lots of honey."""

from __future__ import annotations

from datetime import date

from minidb.draw import Draw
from minidb.model import Column, Database, Row, Table

__all__ = ["DATABASE"]

KEEPERS: tuple[Row, ...] = (
    (1, "Edith Vale", "Thornby", 1996, "555-0101"),
    (2, "Ravi Menon", "Larkhill", 2014, "555-0114"),
    (3, "Sofia Brandt", "Thornby", 2008, None),
    (4, "Callum Reid", "Ashcombe", 2019, "555-0133"),
    (5, "Marie Dubois", "Larkhill", 2003, "555-0127"),
    (6, "Hugo Falk", "Wetherden", 2021, None),
    (7, "Beth Owusu", "Ashcombe", 2011, "555-0150"),
    (8, "Pavel Horak", "Thornby", 2017, "555-0162"),
    (9, "Ida Nyberg", "Wetherden", 1989, "555-0178"),
    (10, "Leo Castellan", "Ashcombe", 2022, "555-0185"),
    (11, "Grace Tully", "Larkhill", 2023, None),
    (12, "Anton Weiss", "Thornby", 2005, "555-0199"),
)

BREEDS = ("Buckfast", "Buckfast", "Buckfast", "Carnica", "Carnica", "Ligustica", "Dark Bee")
HIVE_TYPES = ("Dadant", "Dadant", "Langstroth", "Langstroth", "Langstroth", "Warre")
KEEPERS_OF_COLONIES = (1, 1, 1, 1, 2, 3, 3, 4, 5, 5, 5, 6, 7, 8, 8, 9, 9, 9, 9, 9, 10, 12)
FLOWERS = ("lime", "lime", "clover", "clover", "clover", "heather", "acacia", "rapeseed")
# Price of a jar in euros, and the first and the last day (month, day) on which the honey is extracted.
SEASONS = {
    "rapeseed": (5.0, (5, 20), (6, 10)),
    "acacia": (8.0, (6, 5), (6, 28)),
    "clover": (6.0, (6, 25), (8, 5)),
    "lime": (7.0, (7, 1), (7, 31)),
    "heather": (9.5, (8, 20), (9, 12)),
}
MOODS = ("calm", "calm", "calm", "calm", "nervous", "nervous", "aggressive")
COLONY_COUNT = 36
INSPECTION_COUNT = 108
LOT_COUNT = 48


def house_colonies() -> tuple[Row, ...]:
    """Return the rows of `colony`; Grace Tully has none yet."""
    draw = Draw(51)
    return tuple(
        (
            colony_id,
            draw.one(KEEPERS_OF_COLONIES),
            draw.one(BREEDS),
            draw.whole(2019, 2023),
            draw.one(HIVE_TYPES),
        )
        for colony_id in range(1, COLONY_COUNT + 1)
    )


def inspect_colonies() -> tuple[Row, ...]:
    """Return the rows of `inspection`: none in winter, and not all with a count of mites."""
    draw = Draw(52)
    rows: list[Row] = []
    for inspection_id in range(1, INSPECTION_COUNT + 1):
        colony_id, year = draw.whole(1, COLONY_COUNT - 3), draw.one((2023, 2024))
        inspected_on = draw.day(date(year, 3, 10), date(year, 9, 25)).isoformat()
        mites = None if draw.chance(0.2) else draw.one((0, 0, 1, 2, 2, 3, 4, 5, 7, 9, 12, 16, 21))
        frames, mood = draw.whole(4, 11), draw.one(MOODS)
        rows.append((inspection_id, colony_id, inspected_on, mites, frames, mood))
    return tuple(rows)


def extract_honey() -> tuple[Row, ...]:
    """Return the rows of `honey_lot`: weights in kg, prices per jar in euros."""
    draw = Draw(53)
    rows: list[Row] = []
    for lot_id in range(1, LOT_COUNT + 1):
        flower, year = draw.one(FLOWERS), draw.one((2023, 2024, 2024))
        price, first, last = SEASONS[flower]
        extracted_on = draw.day(date(year, *first), date(year, *last)).isoformat()
        jar_price = price + draw.one((0.0, 0.0, 0.5, 1.0))
        colony_id = draw.whole(2, COLONY_COUNT - 6)
        rows.append((lot_id, colony_id, flower, draw.halves(3, 28), jar_price, extracted_on))
    return tuple(rows)


KEEPER = Table(
    name="keeper",
    key=("keeper_id",),
    columns=(
        Column("keeper_id", "integer", "unique id of the beekeeper"),
        Column("name", "text", "full name of the beekeeper"),
        Column("village", "text", "village where the beekeeper lives"),
        Column("since_year", "integer", "first year of keeping bees"),
        Column("phone", "text", "telephone number", "empty: none given", nullable=True),
    ),
    rows=KEEPERS,
)
COLONY = Table(
    name="colony",
    key=("colony_id",),
    columns=(
        Column("colony_id", "integer", "unique id of the bee colony"),
        Column("keeper_id", "integer", "who keeps it", refers_to="keeper.keeper_id"),
        Column("breed", "text", "breed of the bees", "Buckfast, Carnica, Ligustica, Dark Bee"),
        Column("queen_year", "integer", "year in which the queen hatched"),
        Column("hive_type", "text", "type of hive", "Dadant, Langstroth or Warre"),
    ),
    rows=house_colonies(),
)
INSPECTION = Table(
    name="inspection",
    key=("inspection_id",),
    columns=(
        Column("inspection_id", "integer", "unique id of the inspection"),
        Column("colony_id", "integer", "colony looked at", refers_to="colony.colony_id"),
        Column("inspected_on", "date", "day of the inspection", "YYYY-MM-DD"),
        Column("mites", "integer", "mites counted", "empty: not counted", nullable=True),
        Column("frames", "integer", "frames covered with bees"),
        Column("mood", "text", "mood of the bees", "calm, nervous or aggressive"),
    ),
    rows=inspect_colonies(),
)
HONEY_LOT = Table(
    name="honey_lot",
    key=("lot_id",),
    columns=(
        Column("lot_id", "integer", "unique id of the lot of honey"),
        Column("colony_id", "integer", "colony that made it", refers_to="colony.colony_id"),
        Column("flower", "text", "main flower", "lime, clover, heather, acacia or rapeseed"),
        Column("net weight", "real", "weight of the honey in kg"),
        Column("jar_price", "real", "price of one jar in euros"),
        Column("extracted_on", "date", "day on which it was extracted", "YYYY-MM-DD"),
    ),
    rows=extract_honey(),
)

DATABASE = Database("apiary", (KEEPER, COLONY, INSPECTION, HONEY_LOT))
