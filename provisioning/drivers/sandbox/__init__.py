"""The embedded cluster: so that all of Slipway runs on one machine with nothing installed.

Opened through ``provisioning.drivers.open_driver("sandbox", …)``. It behaves as an API server with its controllers
does, as far as the conformance suite can tell, but starts nothing: every page that shows one of its environments
says so.
"""

from provisioning.drivers.sandbox.driver import SandboxDriver

__all__ = ["SandboxDriver"]
