import sqlite3

import pytest

from harness.datasets import to_ddl
from harness.decoding.constraint import GrammarConstraint
from harness.types import Column, Schema, Table

PIECES = (
    " SELECT| FROM| WHERE| AS| T|1|2|T1|T2|.|.name|name| name|.t|itle|(|(T|(*)|)| =| '|'|')|,| (|shop|city| city| shop|"
    " COUNT|COUNT|;|);| INNER| JOIN| ON| id|id|.id| GROUP| BY| ORDER|`|.`|`.|order| `|(`|Area|km2|)`| mayor|[| [|_id|x"
    "| END| THEN| AND"
)

LED = (
    "(w|(where|(W| (where|=n|= name|+i|-i| -id|/id|,n|, name|,T1|(n|(name|(id|(or|(order|(pa|(SELECT| (SELECT|(s|((|((("
    "|))|)),|),|),(|(*|(*),|(-|(),|());|*)|);|;;|.id|(.5| FILTER| OVER| PARTITION|(1|,1| DISTINCT|(DISTINCT| IN| EXISTS"
    "| CAST| VALUES| UNION| WITH| CASE| WHEN| COLLATE| NOCASE|=T1|('|=('|,'|' AND| INTEGER| USING|(id)"
)


class PieceTokenizer:
    """A vocabulary of bytes and a few longer pieces, longest match first, as a tokeniser would cut SQL."""

    def __init__(self, pieces=PIECES):
        self.tokens = (
            [bytes([byte]) for byte in range(256)] + [piece.encode() for piece in pieces.split("|")] + [b"<end>"]
        )
        self.eos_token_id = len(self.tokens) - 1
        self.bos_token_id = None
        self.special_token_ids = [self.eos_token_id]

    def __call__(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        found = []
        while data:
            longest = max((t for t in self.tokens[:-1] if data.startswith(t)), key=len)
            found.append(self.tokens.index(longest))
            data = data[len(longest) :]
        return found


@pytest.fixture(scope="session")
def tokenizer():
    return PieceTokenizer()


@pytest.fixture(scope="session")
def led():
    """A vocabulary with pieces that begin with signs and go on with words, or are several signs."""
    return PieceTokenizer(f"{PIECES}|{LED}")


@pytest.fixture(scope="session")
def pieces(tokenizer):
    llguidance = pytest.importorskip("llguidance")
    wrapped = llguidance.LLTokenizer(llguidance.TokenizerWrapper(tokenizer))
    return GrammarConstraint(wrapped, "schema", wrapped.vocab_size)


def table(name, *columns):
    return Table(name, tuple(Column(column) for column in columns))


@pytest.fixture(scope="session")
def schema():
    """A small shop: names with spaces, reserved words, a column of two tables, a table called like a keyword."""
    return Schema(
        "shop",
        (
            table("city", "id", "name", "Area (km2)", "mayor"),
            table("shop", "shop_id", "city_id", "title", "opened", "end"),
            table("order", "order_id", "shop_id", "amount", "date"),
            table("set_translations", "code", "language"),
        ),
    )


@pytest.fixture
def prepare(schema):
    """SQLite's message for a statement on the schema, `""` where it takes it."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(to_ddl(schema))

    def ask(sql):
        try:
            connection.execute(f"EXPLAIN {sql}").close()
        except sqlite3.Error as error:
            return str(error)
        return ""

    yield ask
    connection.close()
