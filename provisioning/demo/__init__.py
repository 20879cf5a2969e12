"""The organisation that a visitor of the demo meets: who works there, what they own, and what happened lately.

Called by ``manage.py slipway_demo`` only. Everything is made by the services that people use, so that it is as
consistent as a real installation's; nothing here writes rows by itself.
"""
