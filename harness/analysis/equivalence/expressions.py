"""Expressions, read with SQLite's own precedence (src/parse.y), which no other dialect shares in full.

`a < b IN (c)` is `(a < b) IN (c)` here, `-a || b` is `(-a) || b`, and `a::int`, `x ILIKE y` or a stray comma, which a
reader of many dialects accepts, are not read at all: what SQLite refuses to run must never be proved. That, and a
tree which is exactly SQLite's, is why queries are not parsed by sqlglot here.
"""

from collections.abc import Callable

from harness.analysis.equivalence.syntax import QuerySyntax
from harness.analysis.equivalence.terms import NULL, Term
from harness.analysis.equivalence.tokens import Token, UnreadableError, fold
from harness.identifiers import RESERVED

__all__ = ["ExpressionReader"]

_OR, _AND, _NOT, _EQUALITY, _COMPARISON = 1, 2, 3, 4, 5
_BINARY = {
    "=": (_EQUALITY, "="), "==": (_EQUALITY, "="), "!=": (_EQUALITY, "<>"), "<>": (_EQUALITY, "<>"),
    "<": (_COMPARISON, "<"), "<=": (_COMPARISON, "<="), ">": (_COMPARISON, ">"), ">=": (_COMPARISON, ">="),
    "&": (6, "&"), "|": (6, "|"), "<<": (6, "<<"), ">>": (6, ">>"),
    "+": (7, "+"), "-": (7, "-"), "*": (8, "*"), "/": (8, "/"), "%": (8, "%"), "||": (9, "||"),
}  # fmt: skip
_CONNECTIVES = {"or": _OR, "and": _AND}
_UNARY = {"-": "neg", "+": "pos", "~": "bitnot"}
_UNARY_LEVEL = 11
_MAX_DEPTH = 60
_CLOCKS = {"current_date", "current_time", "current_timestamp"}
_EQUALITY_WORDS = {"is", "isnull", "notnull", "like", "glob", "between", "in", "not"}


class ExpressionReader:
    """Reads expressions from tokens by precedence climbing; `read_query` is called for what stands in parentheses."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self.read_query: Callable[[], QuerySyntax] = self._no_query
        self._primaries: tuple[tuple[str, Callable[[], Term]], ...] = (
            ("(", self._read_parenthesis),
            ("exists", self._read_exists),
            ("cast", self._read_cast),
            ("case", self._read_case),
            ("null", lambda: NULL),
        )

    def read_expression(self, level: int = _OR) -> Term:
        """Read an expression whose operators all bind at `level` or tighter.

        Raises `UnreadableError` where SQLite, or this reader, does not understand it.
        """
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise UnreadableError("nested too deeply")
        term = self._read_prefix(level)
        while (longer := self._read_infix(term, level)) is not None:
            term = longer
        self._depth -= 1
        return term

    def peek(self, *words: str) -> bool:
        """Whether the next tokens are these bare words or marks."""
        ahead = self._tokens[self._at : self._at + len(words)]
        return len(ahead) == len(words) and all(
            token.kind in ("word", "mark") and token.value == word for token, word in zip(ahead, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        """Skip these words or marks if they come next."""
        found = self.peek(*words)
        if found:
            self._at += len(words)
        return found

    def expect(self, *words: str) -> None:
        """Skip these words or marks; raises `UnreadableError` when something else comes."""
        if not self.accept(*words):
            raise UnreadableError(f"expected {' '.join(words).upper()}, found {self._tokens[self._at].value!r}")

    def next_kind(self) -> str:
        """Return the kind of the next token."""
        return self._tokens[self._at].kind

    def take(self) -> Token:
        """Return the next token and step over it; the end is never stepped over."""
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def at_name(self) -> bool:
        """Whether an identifier comes next: quoted, or a bare word that is not reserved."""
        token = self._tokens[self._at]
        return token.kind in ("quoted", "name") or (token.kind == "word" and token.value not in RESERVED)

    def read_name(self) -> str:
        """Read an identifier, in lower case; raises `UnreadableError` for a reserved word."""
        if not self.at_name():
            raise UnreadableError(f"expected a name, found {self._tokens[self._at].value!r}")
        return fold(self.take().value)

    def accept_star(self) -> str | None:
        """Skip `*` or `name.*`; return what qualifies it, `""` for a bare star, `None` if no star comes."""
        if self.accept("*"):
            return ""
        values = [token.value for token in self._tokens[self._at + 1 : self._at + 3]]
        if not (self.at_name() and values == [".", "*"]):
            return None
        name = self.read_name()
        self._at += 2
        return name

    def _no_query(self) -> QuerySyntax:
        raise UnreadableError("a sub-query where none can be read")

    def _read_prefix(self, level: int) -> Term:
        if self.peek("not") and not self.peek("not", "exists"):
            if level > _NOT:
                raise UnreadableError("NOT inside an operand; SQLite's reading of it is not modelled")
            self.take()
            return Term("not", (self.read_expression(_NOT),))
        if self.accept("not"):
            return Term("not", (self._read_primary(),))
        token = self._tokens[self._at]
        if token.kind == "mark" and token.value in _UNARY:
            self.take()
            return Term(_UNARY[token.value], (self.read_expression(_UNARY_LEVEL),))
        return self._read_primary()

    def _read_infix(self, left: Term, level: int) -> Term | None:
        token = self._tokens[self._at]
        if token.kind == "mark" and token.value in _BINARY:
            own, head = _BINARY[token.value]
            if own < level:
                return None
            self.take()
            return Term(head, (left, self.read_expression(own + 1)))
        if token.kind == "word" and _CONNECTIVES.get(token.value, 0) >= level:
            self.take()
            return Term(token.value, (left, self.read_expression(_CONNECTIVES[token.value] + 1)))
        equality = token.kind == "word" and token.value in _EQUALITY_WORDS and level <= _EQUALITY
        return self._read_equality(left) if equality else None

    def _read_equality(self, left: Term) -> Term:
        if self.accept("isnull"):
            return Term("isnull", (left,))
        if self.accept("notnull") or self.accept("not", "null"):
            return Term("notnull", (left,))
        if self.accept("is"):
            return self._read_is(left)
        negated = self.accept("not")
        term = self._read_negatable(left)
        return Term("not", (term,)) if negated else term

    def _read_is(self, left: Term) -> Term:
        negated = self.accept("not")
        if self.accept("distinct", "from"):
            negated = not negated
        right = self.read_expression(_COMPARISON)
        if right.head == "name" and right.text in ("true", "false") and not right.args:
            raise UnreadableError("IS TRUE and IS FALSE are not modelled")
        if right == NULL:
            return Term("notnull" if negated else "isnull", (left,))
        return Term("isnot" if negated else "is", (left, right))

    def _read_negatable(self, left: Term) -> Term:
        for head in ("like", "glob"):
            if self.accept(head):
                right = self.read_expression(_COMPARISON)
                escape = (self.read_expression(_COMPARISON),) if self.accept("escape") else ()
                return Term(head, (left, right, *escape))
        if self.accept("between"):
            low = self.read_expression(_COMPARISON)
            self.expect("and")
            return Term("between", (left, low, self.read_expression(_COMPARISON)))
        self.expect("in")
        self.expect("(")
        if self.peek("select") or self.peek("with"):
            term = Term("in_query", (left,), syntax=self.read_query())
            self.expect(")")
            return term
        return Term("in", (left, *self._read_list()))

    def _read_list(self) -> list[Term]:
        terms = [self.read_expression()]
        while self.accept(","):
            terms.append(self.read_expression())
        self.expect(")")
        return terms

    def _read_primary(self) -> Term:
        token = self._tokens[self._at]
        if token.kind in ("int", "real", "text", "blob"):
            self.take()
            return Term(token.kind, text=token.value)
        for word, read in self._primaries:
            if self.accept(word):
                return read()
        if token.kind == "word" and token.value in _CLOCKS:
            self.take()
            return Term("clock", text=token.value)
        if token.kind == "quoted" and self._tokens[self._at + 1].value not in (".", "("):
            self.take()
            return Term("quoted", text=token.value)
        name = self.read_name()
        if self.accept("("):
            return self._read_call(name)
        return self._read_qualified(name)

    def _read_qualified(self, name: str) -> Term:
        parts = [name]
        while self.accept("."):
            parts.append(self.read_name())
        if len(parts) == 3 and parts[0] == "main":  # noqa: PLR2004 — database, table, column
            parts = parts[1:]
        if len(parts) > 2:  # noqa: PLR2004
            raise UnreadableError("a name with more than two parts")
        return Term("name", tuple(Term("qualifier", text=part) for part in parts[:-1]), text=parts[-1])

    def _read_call(self, name: str) -> Term:
        if self.accept("*"):
            self.expect(")")
            term = Term("call", text=f"{name}(*)")
        elif self.accept("distinct"):
            term = Term("call", tuple(self._read_list()), text=f"{name}(distinct)")
        else:
            term = Term("call", () if self.accept(")") else tuple(self._read_list()), text=name)
        if self.peek("over") or self.peek("filter", "("):
            raise UnreadableError("window functions and FILTER are not modelled")
        return term

    def _read_parenthesis(self) -> Term:
        if self.peek("select") or self.peek("with"):
            term = Term("scalar", syntax=self.read_query())
        else:
            term = self.read_expression()
        self.expect(")")
        return term

    def _read_exists(self) -> Term:
        self.expect("(")
        term = Term("exists", syntax=self.read_query())
        self.expect(")")
        return term

    def _read_cast(self) -> Term:
        self.expect("(")
        term = self.read_expression()
        self.expect("as")
        words = [self.read_name()]
        while self.at_name():
            words.append(self.read_name())
        if self.accept("("):
            self._read_list()  # A length or precision, which SQLite ignores.
        self.expect(")")
        return Term("cast", (term,), text=" ".join(words))

    def _read_case(self) -> Term:
        subject = None if self.peek("when") else self.read_expression()
        args: list[Term] = []
        self.expect("when")
        while True:
            condition = self.read_expression()
            # SQLite compares the subject with `=`, affinity and all.
            args.append(condition if subject is None else Term("=", (subject, condition)))
            self.expect("then")
            args.append(self.read_expression())
            if not self.accept("when"):
                break
        args.append(self.read_expression() if self.accept("else") else NULL)
        self.expect("end")
        return Term("case", tuple(args), text="" if subject is None else "subject")
