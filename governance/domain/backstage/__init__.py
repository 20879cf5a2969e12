"""Backstage's catalog format: reading it, its rules, references, relations, and what it means to our catalog. Pure.

Called by ``governance.services.backstage_*`` and by the selectors that write the catalog out. Nothing here opens a
file or an address: what a document points at is read by a function that the caller hands in.
"""
