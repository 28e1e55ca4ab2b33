"""Proofs that two queries are the same query: both are brought to one canonical tree, which every database agrees on.

`proof.prove` is the way in. A query is read as SQLite reads it (`tokens`, `expressions`, `statements`), its names are
resolved against a catalogue (`resolution`, `scopes`, `calls`), and `simplification` rewrites its blocks from the inside
out, rule by rule, each with its argument for soundness beside it: `derived`, `predicates`, `outer_joins`, `semijoins`,
`grouping`, `aggregates`, `arithmetic`, `scalars`, `ordering`. The rules reason with `facts` and `world` (affinities and
keys), `nullability`, `equalities`, `dependencies` and `contexts` (where `1` and `1.0` differ). `determinism` says where
nothing may be rewritten because a result hangs on how SQLite runs the query: such a query is written down as it
stands (`rigid`), or rewritten all the same if SQLite then still visits its rows in the same order (`visits`).
`canonical` writes down what is left.

Nothing here runs a query, and nothing trusts foreign keys: SQLite does not enforce them.
"""

__all__: list[str] = []
