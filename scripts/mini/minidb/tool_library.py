"""A tool library: members, the tools they borrow, every loan, and the repairs."""

from __future__ import annotations

from datetime import date, timedelta

from minidb.draw import Draw
from minidb.model import Column, Database, Row, Table

__all__ = ["DATABASE"]

MEMBERS: tuple[Row, ...] = (
    (1, "Alice", "Bennett", "Mill Lane", "2019-02-11"),
    (2, "Yusuf", "Demir", "Station Road", "2019-06-23"),
    (3, "Chloe", "Grant", "Mill Lane", "2020-01-08"),
    (4, "Marek", "Nowak", "Orchard Way", "2020-03-30"),
    (5, "Fatima", "Khan", "Station Road", "2020-09-14"),
    (6, "George", "Palmer", "High Street", "2019-11-05"),
    (7, "Helen", "Palmer", "High Street", "2019-11-06"),
    (8, "Ivan", "Sokolov", "River Walk", "2021-04-19"),
    (9, "Julia", "Stein", "Mill Lane", "2021-05-02"),
    (10, "Kwame", "Boateng", "Orchard Way", "2021-08-27"),
    (11, "Laura", "Rossi", "High Street", "2022-01-15"),
    (12, "Miles", "Turner", "River Walk", "2022-02-20"),
    (13, "Nadia", "Haddad", "Station Road", "2022-03-09"),
    (14, "Oscar", "Lund", "Mill Lane", "2022-07-12"),
    (15, "Petra", "Novak", "High Street", "2022-10-01"),
    (16, "Quinn", "Murphy", "River Walk", "2023-01-22"),
    (17, "Rosa", "Delgado", "Orchard Way", "2023-03-18"),
    (18, "Simon", "Clarke", "Mill Lane", "2023-04-04"),
    (19, "Tara", "Singh", "High Street", "2023-05-29"),
    (20, "Uma", "Iyer", "Station Road", "2023-06-16"),
    (21, "Victor", "Clarke", "River Walk", "2023-08-21"),
    (22, "Wendy", "Frost", "High Street", "2023-11-13"),
)

TOOLS: tuple[Row, ...] = (
    (1, "cordless drill", "power", "Torvik", 129.0),
    (2, "hammer drill", "power", "Torvik", 184.5),
    (3, "jigsaw", "power", "Boland", 96.0),
    (4, "circular saw", "power", "Boland", 158.0),
    (5, "belt sander", "power", "Makar", 112.0),
    (6, "heat gun", "power", "Makar", 54.0),
    (7, "tile cutter", "power", "Ferron", 239.0),
    (8, "hedge trimmer", "garden", "Greenway", 119.0),
    (9, "lawn mower", "garden", "Greenway", 329.0),
    (10, "leaf blower", "garden", "Greenway", 99.0),
    (11, "garden fork", "garden", None, 28.0),
    (12, "wheelbarrow", "garden", None, 75.0),
    (13, "pruning saw", "garden", "Silva", 34.5),
    (14, "chainsaw", "garden", "Torvik", 289.0),
    (15, "claw hammer", "hand", None, 18.0),
    (16, "hand saw", "hand", "Silva", 26.0),
    (17, "spirit level", "hand", "Ferron", 32.0),
    (18, "socket set", "hand", "Ferron", 88.0),
    (19, "wood plane", "hand", "Silva", 64.0),
    (20, "bolt cutter", "hand", None, 45.5),
    (21, "pipe wrench", "hand", "Ferron", 39.0),
    (22, "extension ladder", "access", "Hochwerk", 210.0),
    (23, "step ladder", "access", "Hochwerk", 85.0),
    (24, "scaffold tower", "access", "Hochwerk", 640.0),
    (25, "pressure washer", "cleaning", "Makar", 175.0),
    (26, "carpet cleaner", "cleaning", "Boland", 260.0),
    (27, "wet vacuum", "cleaning", "Makar", 140.0),
    (28, "drain snake", "cleaning", None, 22.5),
)

PLAIN_FAULTS = ("loose handle", "bent frame", "rust")
CORDLESS_FAULTS = ("flat battery", "broken switch", "loose handle")
CORDED_FAULTS = ("worn cable", "broken switch", "loose handle")
BLADE_FAULTS = ("blunt blade", "blunt blade", "worn cable", "broken switch")
FAULTS = {
    **dict.fromkeys((12, 16, 20, 22), PLAIN_FAULTS),
    **dict.fromkeys((1,), CORDLESS_FAULTS),
    **dict.fromkeys((2, 5, 25, 26, 27), CORDED_FAULTS),
    **dict.fromkeys((3, 4, 8, 9, 14), BLADE_FAULTS),
}
REPAIRED_TOOLS = (1, 1, 2, 3, 3, 4, 4, 5, 8, 8, 9, 9, 9, 14, 14, 25, 26, 27, 12, 16, 20, 22)
LENT_TOOLS = (*range(1, 28), 1, 1, 1, 1, 2, 2, 4, 8, 9, 9, 9, 14, 22, 22, 25, 25, 25, 25)
BORROWERS = (*range(1, 21), 1, 1, 2, 3, 4, 4, 4, 6, 9, 9, 9, 9, 13, 13, 14)
LOAN_COUNT = 112
REPAIR_COUNT = 26
STILL_OUT = frozenset({31, 57, 74, 88, 96, 103, 110})


def lend_tools() -> tuple[Row, ...]:
    """Return the rows of `loan`; a few tools are still out."""
    draw = Draw(31)
    joined = {row[0]: date.fromisoformat(str(row[4])) for row in MEMBERS}
    rows: list[Row] = []
    for loan_id in range(1, LOAN_COUNT + 1):
        member_id = draw.one(BORROWERS)
        lent_on = draw.day(max(date(2021, 1, 4), joined[member_id]), date(2023, 12, 28))
        due_on = lent_on + timedelta(days=draw.one((7, 7, 14)))
        kept = timedelta(days=draw.whole(-6, 5))
        returned_on = None if loan_id in STILL_OUT else max(lent_on, due_on + kept).isoformat()
        dates = (lent_on.isoformat(), due_on.isoformat(), returned_on)
        rows.append((loan_id, draw.one(LENT_TOOLS), member_id, *dates))
    return tuple(rows)


def repair_tools() -> tuple[Row, ...]:
    """Return the rows of `repair`; each kind of tool has faults of its own."""
    draw = Draw(32)
    rows: list[Row] = []
    for repair_id in range(1, REPAIR_COUNT + 1):
        tool_id = draw.one(REPAIRED_TOOLS)
        fault = draw.one(FAULTS[tool_id])
        repaired_on = draw.day(date(2021, 2, 1), date(2023, 12, 15)).isoformat()
        rows.append((repair_id, tool_id, repaired_on, fault, draw.halves(4, 78)))
    return tuple(rows)


MEMBER = Table(
    name="member",
    key=("member_id",),
    columns=(
        Column("member_id", "integer", "unique id of the member"),
        Column("first_name", "text", "first name"),
        Column("last_name", "text", "last name"),
        Column("street", "text", "street where the member lives"),
        Column("joined_on", "date", "day on which the member joined", "YYYY-MM-DD"),
    ),
    rows=MEMBERS,
)
TOOL = Table(
    name="tool",
    key=("tool_id",),
    columns=(
        Column("tool_id", "integer", "unique id of the tool", "several of one kind share an id"),
        Column("name", "text", "what the tool is called"),
        Column("category", "text", "category", "power, garden, hand, access or cleaning"),
        Column("brand", "text", "maker of the tool", "empty: no brand", nullable=True),
        Column("price", "real", "price when bought, in euros"),
    ),
    rows=TOOLS,
)
LOAN = Table(
    name="loan",
    key=("loan_id",),
    columns=(
        Column("loan_id", "integer", "unique id of the loan"),
        Column("tool_id", "integer", "tool that was lent", refers_to="tool.tool_id"),
        Column("member_id", "integer", "member who borrowed it", refers_to="member.member_id"),
        Column("lent_on", "date", "first day of the loan", "YYYY-MM-DD"),
        Column("due_on", "date", "day by which it should be back", "YYYY-MM-DD"),
        Column(
            "returned_on",
            "date",
            "day of the return",
            "YYYY-MM-DD; empty: still out",
            nullable=True,
        ),
    ),
    rows=lend_tools(),
)
REPAIR = Table(
    name="repair",
    key=("repair_id",),
    columns=(
        Column("repair_id", "integer", "unique id of the repair"),
        Column("tool_id", "integer", "tool that was repaired", refers_to="tool.tool_id"),
        Column("repaired_on", "date", "day of the repair", "YYYY-MM-DD"),
        Column("fault", "text", "what was wrong", "for example worn cable or rust"),
        Column("cost", "real", "cost of the repair in euros"),
    ),
    rows=repair_tools(),
)

DATABASE = Database("tool_library", (MEMBER, TOOL, LOAN, REPAIR))
