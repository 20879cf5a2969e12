"""Slipway as people meet it: the real server, its embedded worker and a demo, in a real browser."""
