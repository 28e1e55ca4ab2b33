"""The six databases of the mini set: what they hold, and how they are written to disk."""
