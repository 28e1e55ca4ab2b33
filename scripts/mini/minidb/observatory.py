"""An amateur observatory: its telescopes, observers, the objects in the sky, and who saw what."""

from __future__ import annotations

from datetime import date

from minidb.draw import Draw
from minidb.model import Column, Database, Row, Table

__all__ = ["DATABASE"]

TELESCOPES: tuple[Row, ...] = (
    (1, "Old Faithful", 150, "equatorial", 1998),
    (2, "Big Blue", 406, "dobsonian", 2012),
    (3, "Needle", 80, "equatorial", 2016),
    (4, "Grandpa", 200, "dobsonian", 1994),
    (5, "Lantern", 102, "altazimuth", 2009),
    (6, "Comet Catcher", 254, "equatorial", 2018),
    (7, "Pocket", 70, "altazimuth", 2020),
    (8, "Iron Lady", 305, "equatorial", 2005),
    (9, "Night Owl", 127, "altazimuth", 2014),
    (10, "Twin", 203, "dobsonian", 2012),
    (11, "Dusty", 114, "equatorial", 1989),
)

OBSERVERS: tuple[Row, ...] = (
    (1, "Mara Lindqvist", "Alder", "expert", "2011-03-14"),
    (2, "Tom Okafor", "Alder", "regular", "2016-09-02"),
    (3, "Ines Carvalho", "Birch", "novice", "2022-05-21"),
    (4, "Jonas Weber", "Cliffe", "regular", "2015-01-30"),
    (5, "Priya Nair", "Birch", "expert", "2009-10-11"),
    (6, "Luca Moretti", "Dunmore", "novice", "2023-02-17"),
    (7, "Hana Suzuki", "Alder", "regular", "2018-07-08"),
    (8, "Omar Haddad", "Cliffe", "expert", "2013-04-25"),
    (9, "Greta Olsen", "Elmstead", "novice", "2022-11-03"),
    (10, "Sam Doyle", "Birch", "regular", "2017-06-19"),
    (11, "Noor Rahman", "Dunmore", "regular", "2019-08-28"),
    (12, "Viktor Petrov", "Alder", "expert", "2008-12-05"),
    (13, "Ella Marsh", "Elmstead", "novice", "2023-04-12"),
    (14, "Diego Ramos", "Cliffe", "regular", "2020-02-09"),
    (15, "Ruth Abbott", "Alder", "novice", "2021-10-30"),
    (16, "Kofi Mensah", "Birch", "regular", "2018-03-16"),
    (17, "Anna Kowalska", "Dunmore", "expert", "2012-08-07"),
    (18, "Bram de Wit", "Elmstead", "regular", "2019-05-26"),
    (19, "Lily Tanaka", "Cliffe", "novice", "2023-07-01"),
    (20, "Paul Renard", "Alder", "novice", "2023-09-15"),
    (21, "Tessa Lund", "Dunmore", "novice", "2022-06-06"),
)

TARGETS: tuple[Row, ...] = (
    (1, "Andromeda Galaxy", "galaxy", "Andromeda", 3.4),
    (2, "Triangulum Galaxy", "galaxy", "Triangulum", 5.7),
    (3, "Whirlpool Galaxy", "galaxy", "Canes Venatici", 8.4),
    (4, "Bode Galaxy", "galaxy", "Ursa Major", 6.9),
    (5, "Cigar Galaxy", "galaxy", "Ursa Major", 8.5),
    (6, "Sombrero Galaxy", "galaxy", "Virgo", 8.0),
    (7, "Orion Nebula", "nebula", "Orion", 4.0),
    (8, "Ring Nebula", "nebula", "Lyra", 8.8),
    (9, "Dumbbell Nebula", "nebula", "Vulpecula", 7.5),
    (10, "Crab Nebula", "nebula", "Taurus", 8.6),
    (11, "Lagoon Nebula", "nebula", "Sagittarius", 6.0),
    (12, "Horsehead Nebula", "nebula", "Orion", 10.1),
    (13, "Pleiades", "cluster", "Taurus", 1.6),
    (14, "Hyades", "cluster", "Taurus", 0.5),
    (15, "Beehive Cluster", "cluster", "Cancer", 3.7),
    (16, "Hercules Cluster", "cluster", "Hercules", 5.8),
    (17, "Double Cluster", "cluster", "Perseus", 4.3),
    (18, "Wild Duck Cluster", "cluster", "Scutum", 6.3),
    (19, "Albireo", "double star", "Cygnus", 3.1),
    (20, "Mizar", "double star", "Ursa Major", 2.2),
    (21, "Castor", "double star", "Gemini", 1.9),
    (22, "Jupiter", "planet", None, -2.2),
    (23, "Saturn", "planet", None, 0.7),
    (24, "Mars", "planet", None, -0.8),
    (25, "Uranus", "planet", None, 5.6),
    (26, "Neptune", "planet", None, 7.8),
)

# Iron Lady, Dusty, two newcomers, Castor, the Horsehead and Neptune stay without an observation.
BUSY_OBSERVERS = (1, 1, 1, 2, 3, 4, 4, 5, 5, 5, 5, 6, 7, 7, 8, 8, 9, 10, 10, 11, 12, 12, 12, 13)
OTHER_OBSERVERS = (14, 15, 16, 16, 17, 17, 18, 21)
USED_TELESCOPES = (1, 1, 1, 2, 2, 2, 2, 3, 4, 5, 6, 6, 6, 6, 6, 7, 9, 9, 10, 10)
SEEN_TARGETS = (1, 1, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 8, 9, 10, 11, 13, 13, 13, 14, 15, 16, 16)
MORE_TARGETS = (17, 18, 19, 19, 20, 22, 22, 22, 22, 22, 23, 23, 23, 24, 24, 25)
OBSERVATION_COUNT = 112


def log_observations() -> tuple[Row, ...]:
    """Return the rows of `observation`; the sky quality was not always written down."""
    draw = Draw(21)
    joined = {row[0]: date.fromisoformat(str(row[4])) for row in OBSERVERS}
    rows: list[Row] = []
    for observation_id in range(1, OBSERVATION_COUNT + 1):
        observer_id = draw.one(BUSY_OBSERVERS + OTHER_OBSERVERS)
        telescope_id, target_id = draw.one(USED_TELESCOPES), draw.one(SEEN_TARGETS + MORE_TARGETS)
        first = max(date(2021, 1, 5), joined[observer_id])
        seen_on = draw.day(first, date(2023, 12, 20)).isoformat()
        minutes, quality = draw.whole(8, 175), None if draw.chance(0.12) else draw.whole(1, 5)
        keys = (observation_id, observer_id, telescope_id, target_id)
        rows.append((*keys, seen_on, minutes, quality))
    return tuple(rows)


TELESCOPE = Table(
    name="telescope",
    key=("telescope_id",),
    columns=(
        Column("telescope_id", "integer", "unique id of the telescope"),
        Column("name", "text", "nickname of the telescope"),
        Column("aperture_mm", "integer", "aperture in millimetres", label="aperture in mm"),
        Column("mount", "text", "kind of mount", "equatorial, altazimuth or dobsonian"),
        Column("bought_year", "integer", "year in which it was bought"),
    ),
    rows=TELESCOPES,
)
OBSERVER = Table(
    name="observer",
    key=("observer_id",),
    columns=(
        Column("observer_id", "integer", "unique id of the observer"),
        Column("full_name", "text", "first and last name"),
        Column("town", "text", "town where the observer lives"),
        Column("level", "text", "experience", "novice, regular or expert"),
        Column("joined_on", "date", "day on which the observer joined", "YYYY-MM-DD"),
    ),
    rows=OBSERVERS,
)
TARGET = Table(
    name="target",
    key=("target_id",),
    columns=(
        Column("target_id", "integer", "unique id of the object"),
        Column("name", "text", "name of the object in the sky"),
        Column("kind", "text", "kind of object", "galaxy, nebula, cluster, double star, planet"),
        Column(
            "constellation",
            "text",
            "where it stands",
            "empty: it wanders, as planets do",
            nullable=True,
        ),
        Column("magnitude", "real", "apparent magnitude", "the smaller, the brighter"),
    ),
    rows=TARGETS,
)
OBSERVATION = Table(
    name="observation",
    key=("observation_id",),
    columns=(
        Column("observation_id", "integer", "unique id of the observation"),
        Column("observer_id", "integer", "who looked", refers_to="observer.observer_id"),
        Column("telescope_id", "integer", "through what", refers_to="telescope.telescope_id"),
        Column("target_id", "integer", "at what", refers_to="target.target_id"),
        Column("seen_on", "date", "date of the night", "YYYY-MM-DD"),
        Column("minutes", "integer", "how long it lasted, in minutes"),
        Column(
            "sky quality",
            "integer",
            "quality of the sky",
            "1 is poor, 5 is perfect",
            nullable=True,
        ),
    ),
    rows=log_observations(),
)

DATABASE = Database("observatory", (TELESCOPE, OBSERVER, TARGET, OBSERVATION))
