"""Statements that are no queries, and queries that reach beyond the data."""

# ruff: noqa: S608 - hostile SQL is what this writes

from fuzzing.expressions import Expressions

__all__ = ["Commands"]


class Commands(Expressions):
    """Rules for what only a refusal can answer."""

    def write(self) -> str:
        """Return a statement that changes rows."""
        table, value = self.table(), self.value()
        tail = self.choice(
            ["", "", " RETURNING 0", " RETURNING *", f" RETURNING ({self.query()})", " ORDER BY 1 LIMIT 1"]
        )
        body = self.choice(
            [
                f"DELETE FROM {table}",
                f"DELETE FROM {table} WHERE id = {value}",
                f"INSERT INTO {table} VALUES ({value}, 1, 1, 1)",
                f"INSERT INTO {table} DEFAULT VALUES",
                f"INSERT OR REPLACE INTO {table} SELECT * FROM {self.table()}",
                f"INSERT INTO emp(id) VALUES (1) ON CONFLICT(id) DO UPDATE SET name = {value}",
                f"REPLACE INTO {table} VALUES (1, 2, 3, {value})",
                f"UPDATE {table} SET name = {value}",
                f"UPDATE OR IGNORE {table} SET id = id + 1 FROM search",
                f"INSERT INTO search(search) VALUES ({self.choice(['rebuild', 'optimize', 'delete-all'])!r})",
                f"INSERT INTO search(search, rank) VALUES ('merge', {self.number()})",
                "UPDATE sqlite_master SET sql = 'CREATE TABLE emp(id)'",
                "DELETE FROM sqlite_sequence",
            ]
        )
        return self.choice(["", "", "WITH q AS (SELECT 1) ", f"{self.endless_rows()} "]) + body + tail

    def define(self) -> str:
        """Return a statement that changes the schema."""
        module = self.choice(["fts5(a)", "rtree(a, b, c)", "csv(x)", "fts3tokenize(simple)", "dbstat"])
        what = self.choice(["TABLE", "VIEW", "INDEX", "TRIGGER"])
        change = self.choice(["RENAME TO x", "DROP COLUMN name", "ADD COLUMN y", "RENAME name TO z"])
        temp = self.choice(["", "TEMP ", "TEMPORARY ", "UNIQUE ", "VIRTUAL "])
        return self.choice(
            [
                f"CREATE {temp}TABLE {self.table()} AS {self.query()}",
                f"CREATE {temp}TABLE IF NOT EXISTS {self.table()} (id)",
                f"CREATE {temp}VIEW emp AS {self.query()}",
                f"CREATE {temp}INDEX i ON emp({self.column()})",
                f"CREATE VIRTUAL TABLE v USING {module}",
                f"CREATE {temp}TRIGGER t AFTER {self.choice(['INSERT', 'DELETE'])} ON emp BEGIN {self.write()}; END",
                f"DROP {what} {self.choice(['', 'IF EXISTS '])}{self.table()}",
                f"ALTER TABLE emp {change}",
                self.choice(["REINDEX", "ANALYZE", "VACUUM", "ANALYZE emp", "REINDEX emp"]),
            ]
        )

    def reach_out(self) -> str:
        """Return a statement that wants files, libraries or other databases."""
        path = self.choice(["'new.sqlite'", "'file:new.sqlite?mode=rwc'", "''", "':memory:'", self.text()])
        inner = self.choice(
            [
                f"load_extension({path})",
                "load_extension('libc.so.6', 'system')",
                f"readfile({path})",
                f"writefile({path}, 'x')",
                "edit('x')",
                "fts3_tokenizer('simple', x'0000000000000000')",
                f"sqlite_log(1, {self.text()})",
                "sqlite_compileoption_get(1)",
                "sqlite_rename_table('', '', '', '', '', '', 0)",
                "sqlite_crypt(1, 2)",
                "eval('DELETE FROM emp')",
            ]
        )
        statements = [
            f"ATTACH {path} AS other",
            f"ATTACH DATABASE {path} AS {self.choice(['main', 'temp', self.text()])}",
            f"VACUUM INTO {path}",
            f"VACUUM main INTO {path}",
            f"DETACH {self.choice(['main', 'temp', 'other'])}",
            f"SELECT * FROM emp, {self.choice(['generate_series(1, 1e9)', 'fsdir(1)', 'csv(1)', 'zipfile(1)'])}",
        ]
        return self.choice([*statements, f"SELECT {inner}", f"SELECT {inner} FROM {self.many()}"])

    def pragma(self) -> str:
        """Return a PRAGMA, one in a table's clothes, or a look at SQLite's inside."""
        writing = [
            "writable_schema",
            "journal_mode",
            "user_version",
            "query_only",
            "case_sensitive_like",
            "reverse_unordered_selects",
        ]
        more = [
            "locking_mode",
            "temp_store_directory",
            "wal_checkpoint",
            "hard_heap_limit",
            "mmap_size",
            "threads",
            "trusted_schema",
        ]
        name = self.choice(
            [*writing, *more, "table_info", "database_list", "integrity_check", "data_version", "optimize"]
        )
        value = self.choice(["", " = 1", " = 0", "(1)", "(emp)", " = 'delete'", f" = {self.value()}", " = OFF"])
        table_valued = (
            f"SELECT * FROM {self.choice(['', 'main.', 'temp.'])}pragma_{name}({self.choice(['', '1', self.text()])})"
        )
        internal = self.choice(
            [
                "dbstat",
                "sqlite_dbpage",
                "sqlite_stmt",
                "bytecode('SELECT 1')",
                "tables_used('SELECT 1')",
                "sqlite_memstat",
            ]
        )
        main = self.choice(["", "main.", "temp."])
        return self.choice(
            [f"PRAGMA {main}{name}{value}", table_valued, f"SELECT * FROM {internal}", f"EXPLAIN {self.query()}"]
        )

    def transact(self) -> str:
        """Return a piece of a transaction."""
        words = ["BEGIN", "BEGIN EXCLUSIVE", "COMMIT", "END", "ROLLBACK", "SAVEPOINT s", "RELEASE s", "ROLLBACK TO s"]
        return f"{self.choice(words)}{self.choice(['', ' TRANSACTION', '; ' + self.write()])}"

    def several(self) -> str:
        """Return two statements."""
        between = self.choice([";", ";;", "; --\n", ";/**/", ";\ufeff", ";\n"])
        return between.join(self.choice([self.write, self.query, self.define, self.pragma])() for _ in range(2))
