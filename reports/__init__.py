"""Turn stored runs into pages that people can read."""
