"""Campaigns, from the services that conduct them to whole ones on the sandbox."""
