"""Joins rows of catalog, governance and provisioning into what one page shows.

Called by ``portal.pages``. Reads only, always within the rights that are passed in, with a number of queries that does
not grow with the number of rows. Never writes, never renders, never decides what is allowed.
"""
