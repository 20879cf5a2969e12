"""Reads of governance. They change nothing; those that show people's data take their Rights first."""
