"""Contracts, environments, changes, runs and drivers: from an intent to objects on a cluster."""
