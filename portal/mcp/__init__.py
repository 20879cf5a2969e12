"""The door for agents: the Model Context Protocol at ``/mcp``.

A face like the others: it translates, and has no rules of its own. ``door`` is the view, ``exchange`` drives the SDK,
``server`` answers the protocol, ``tools`` is the table of what an agent can call.
"""
