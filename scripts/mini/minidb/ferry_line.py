"""A ferry line between islands: vessels, ports, routes and every sailing."""

from __future__ import annotations

from datetime import date

from minidb.draw import Draw
from minidb.model import Column, Database, Row, Table

__all__ = ["DATABASE"]

VESSELS: tuple[Row, ...] = (
    (1, "Sea Thistle", 1987, 180, "diesel"),
    (2, "Grey Heron", 1994, 240, "diesel"),
    (3, "Morning Star", 2001, 320, "diesel"),
    (4, "Kittiwake", 2006, 150, "diesel"),
    (5, "Northern Light", 2011, 410, "hybrid"),
    (6, "Selkie", 2014, 120, "hybrid"),
    (7, "Sandpiper", 2017, 260, "hybrid"),
    (8, "Blue Current", 2020, 200, "electric"),
    (9, "Quiet Tide", 2021, 90, "electric"),
    (10, "Old Bess", 1979, 110, "diesel"),
    (11, "Storm Petrel", 2018, 350, "hybrid"),
)

PORTS: tuple[Row, ...] = (
    (1, "Garrow", "Mainland", 5),
    (2, "Skell Quay", "Mainland", 3),
    (3, "Port Ansel", "Ansel", 2),
    (4, "Westhaven", "Ansel", 1),
    (5, "Tarn Bay", "Tarn", 2),
    (6, "Kirkness", "Hollin", 3),
    (7, "Lower Hollin", "Hollin", 1),
    (8, "Merrow", "Merrow", 2),
    (9, "Farsund", "Outer Skerry", 1),
    (10, "Gull Rock", "Outer Skerry", 1),
)

ROUTES: tuple[Row, ...] = (
    (1, 1, 3, 18.5),
    (2, 1, 5, 27.0),
    (3, 1, 6, 41.5),
    (4, 1, 8, 36.0),
    (5, 2, 3, 22.0),
    (6, 2, 4, 25.5),
    (7, 2, 9, 88.0),
    (8, 3, 5, 14.0),
    (9, 3, 1, 18.5),
    (10, 5, 1, 27.0),
    (11, 6, 1, 41.5),
    (12, 6, 7, 6.5),
    (13, 8, 6, 19.0),
    (14, 9, 2, 88.0),
    (15, 1, 9, 95.0),
    (16, 7, 8, 16.5),
    (17, 1, 2, 9.5),
)

BUSY_ROUTES = (1, 1, 1, 1, 2, 2, 3, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 9, 10, 11, 11, 12, 13, 14)
SAILING_VESSELS = (1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 5, 5, 6, 7, 7, 8, 8, 8, 9, 11)
DELAYS = (0, 0, 0, 0, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 35, 48, None, None)
SAILING_COUNT = 116


def sail() -> tuple[Row, ...]:
    """Return the rows of `sailing`; Old Bess is laid up and route 17 is not served yet."""
    draw = Draw(41)
    seats = {row[0]: int(str(row[3])) for row in VESSELS}
    rows: list[Row] = []
    for sailing_id in range(1, SAILING_COUNT + 1):
        vessel_id = draw.one(SAILING_VESSELS)
        route_id = draw.one((*BUSY_ROUTES, 15, 16))
        sailed_on = draw.day(date(2022, 1, 3), date(2023, 12, 30)).isoformat()
        passengers = seats[vessel_id] * draw.whole(12, 100) // 100
        rows.append((sailing_id, route_id, vessel_id, sailed_on, passengers, draw.one(DELAYS)))
    return tuple(rows)


VESSEL = Table(
    name="vessel",
    key=("vessel_id",),
    columns=(
        Column("vessel_id", "integer", "unique id of the vessel"),
        Column("name", "text", "name of the vessel"),
        Column("built_year", "integer", "year in which it was built"),
        Column("seats", "integer", "number of passenger seats"),
        Column("fuel", "text", "what drives it", "diesel, hybrid or electric"),
    ),
    rows=VESSELS,
)
PORT = Table(
    name="port",
    key=("port_id",),
    columns=(
        Column("port_id", "integer", "unique id of the port"),
        Column("name", "text", "name of the port"),
        Column("island", "text", "island on which it lies", "Mainland for the coast"),
        Column("berths", "integer", "number of berths"),
    ),
    rows=PORTS,
)
ROUTE = Table(
    name="route",
    key=("route_id",),
    columns=(
        Column("route_id", "integer", "unique id of the route"),
        Column("from_port", "integer", "port of departure", refers_to="port.port_id"),
        Column("to_port", "integer", "port of arrival", refers_to="port.port_id"),
        Column("distance_km", "real", "length of the route in km", label="distance in km"),
    ),
    rows=ROUTES,
)
SAILING = Table(
    name="sailing",
    key=("sailing_id",),
    columns=(
        Column("sailing_id", "integer", "unique id of the sailing"),
        Column("route_id", "integer", "route that was sailed", refers_to="route.route_id"),
        Column("vessel_id", "integer", "vessel that sailed", refers_to="vessel.vessel_id"),
        Column("sailed_on", "date", "day of the sailing", "YYYY-MM-DD"),
        Column("passengers", "integer", "passengers on board"),
        Column(
            "delay_min",
            "integer",
            "delay at arrival in minutes",
            "0: on time; empty: not logged",
            label="delay in minutes",
            nullable=True,
        ),
    ),
    rows=sail(),
)

DATABASE = Database("ferry_line", (VESSEL, PORT, ROUTE, SAILING))
