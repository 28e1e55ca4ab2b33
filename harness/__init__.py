"""Score text-to-SQL models on SQLite databases, with numbers nobody can fool."""
