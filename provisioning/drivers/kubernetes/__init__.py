"""A real cluster, reached through its API server with the official client, the only place that imports it.

Opened through ``provisioning.drivers.open_driver("kubernetes", …)``.
"""

from provisioning.drivers.kubernetes.driver import KubernetesDriver

__all__ = ["KubernetesDriver"]
