"""A house of escape rooms: rooms, guides, visiting teams and every game played."""

from __future__ import annotations

from datetime import date

from minidb.draw import Draw
from minidb.model import Column, Database, Row, Table

__all__ = ["DATABASE"]

ROOMS: tuple[Row, ...] = (
    (1, "The Alchemist", "fantasy", 60, 24.0),
    (2, "Submarine Down", "adventure", 75, 28.0),
    (3, "Cell Block Nine", "crime", 60, 22.0),
    (4, "The Haunted Attic", "horror", 60, 26.0),
    (5, "Dragon Vault", "fantasy", 90, 32.0),
    (6, "Museum Heist", "crime", 75, 27.0),
    (7, "Lost Expedition", "adventure", 90, 30.0),
    (8, "The Cellar", "horror", 45, 19.0),
    (9, "Space Elevator", "science fiction", 75, 29.0),
    (10, "The Clockmaker", "fantasy", 45, 18.0),
    (11, "Cold Case", "crime", 90, 31.0),
    (12, "Robot Uprising", "science fiction", 60, 25.0),
)

GUIDES: tuple[Row, ...] = (
    (1, "Nina Falke", "2018-05-02", 16.5),
    (2, "Joel Barros", "2019-09-16", 15.0),
    (3, "Amira Saleh", "2020-02-01", 15.5),
    (4, "Dean Whitlock", "2021-06-21", 14.0),
    (5, "Carla Voss", "2021-10-11", 14.5),
    (6, "Tariq Aziz", "2022-03-28", 13.5),
    (7, "Milla Korhonen", "2023-01-09", 13.0),
    (8, "Perry Stone", "2024-04-15", 12.5),
)

TEAMS: tuple[Row, ...] = (
    (1, "Lock Busters", "Redport", None),
    (2, "The Early Birds", "Redport", None),
    (3, "Keyboard Warriors", "Ostley", "Brightsoft"),
    (4, "Quiz Khalifa", "Ostley", None),
    (5, "Tax Evaders", "Redport", "Ledger & Co"),
    (6, "Night Shift", "Hallam", "Mercy Clinic"),
    (7, "Puzzled Pandas", "Hallam", None),
    (8, "Bit Players", "Ostley", "Brightsoft"),
    (9, "Six of Diamonds", "Redport", None),
    (10, "The Missing Link", "Corran", None),
    (11, "Paper Jam", "Redport", "Inkwell Press"),
    (12, "Red Herrings", "Corran", None),
    (13, "Scrum Lords", "Ostley", "Brightsoft"),
    (14, "Stitch Happens", "Hallam", "Mercy Clinic"),
    (15, "The Usual Suspects", "Redport", None),
    (16, "Wander Club", "Corran", None),
    (17, "Clue Crew", "Ostley", None),
    (18, "Audit Trail", "Redport", "Ledger & Co"),
    (19, "Mind the Gap", "Hallam", None),
    (20, "Sunday Sleuths", "Corran", None),
    (21, "Full Moon", "Ostley", None),
    (22, "Deadline Dodgers", "Redport", "Inkwell Press"),
    (23, "Four Corners", "Hallam", None),
    (24, "Cat Burglars", "Redport", None),
)

PLAYED_ROOMS = (1, 1, 1, 2, 2, 3, 4, 4, 4, 4, 5, 5, 6, 6, 6, 7, 8, 9, 9, 10, 12, 12)
PLAYING_TEAMS = (*range(1, 23), 1, 1, 1, 3, 4, 4, 7, 9, 9, 15, 15, 15, 15, 17, 20)
GUIDES_ON_DUTY = (1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7)
GAME_COUNT = 112


def play_games() -> tuple[Row, ...]:
    """Return the rows of `game`; Cold Case has no game yet and Perry Stone has led none."""
    draw = Draw(61)
    limit = {row[0]: int(str(row[3])) for row in ROOMS}
    rows: list[Row] = []
    for game_id in range(1, GAME_COUNT + 1):
        room_id, team_id = draw.one(PLAYED_ROOMS), draw.one(PLAYING_TEAMS)
        played_on = draw.day(date(2023, 1, 14), date(2024, 12, 18)).isoformat()
        hints = draw.one((0, 0, 1, 1, 2, 2, 3, 4, 5))
        used = draw.whole(limit[room_id] * 45 // 100, limit[room_id])
        minutes = None if draw.chance(0.26) else used
        guide_id = draw.one(GUIDES_ON_DUTY)
        rows.append((game_id, room_id, team_id, guide_id, played_on, hints, minutes))
    return tuple(rows)


ROOM = Table(
    name="room",
    key=("room_id",),
    columns=(
        Column("room_id", "integer", "unique id of the room"),
        Column("title", "text", "title of the room"),
        Column("theme", "text", "theme", "fantasy, adventure, crime, horror, science fiction"),
        Column("time_limit", "integer", "time allowed in minutes"),
        Column("price", "real", "price per player in euros"),
    ),
    rows=ROOMS,
)
GUIDE = Table(
    name="guide",
    key=("guide_id",),
    columns=(
        Column("guide_id", "integer", "unique id of the guide"),
        Column("full_name", "text", "first and last name"),
        Column("hired_on", "date", "day on which the guide was hired", "YYYY-MM-DD"),
        Column("wage", "real", "wage per hour in euros"),
    ),
    rows=GUIDES,
)
TEAM = Table(
    name="team",
    key=("team_id",),
    columns=(
        Column("team_id", "integer", "unique id of the team"),
        Column("team_name", "text", "name of the team"),
        Column("city", "text", "city where the team comes from"),
        Column("company", "text", "company it works for", "empty: private", nullable=True),
    ),
    rows=TEAMS,
)
GAME = Table(
    name="game",
    key=("game_id",),
    columns=(
        Column("game_id", "integer", "unique id of the game"),
        Column("room_id", "integer", "room that was played", refers_to="room.room_id"),
        Column("team_id", "integer", "team that played", refers_to="team.team_id"),
        Column("guide_id", "integer", "guide who led it", refers_to="guide.guide_id"),
        Column("played_on", "date", "day of the game", "YYYY-MM-DD"),
        Column("hints", "integer", "number of hints given"),
        Column("minutes", "integer", "time needed to escape", "empty: no escape", nullable=True),
    ),
    rows=play_games(),
)

DATABASE = Database("escape_rooms", (ROOM, GUIDE, TEAM, GAME))
