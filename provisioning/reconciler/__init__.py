"""Keeps what is observed equal to what is: one controller per cluster watches, and nothing is asked again and again.

Started by ``manage.py slipway_controller`` and inside the web process of a small installation. Level-based: events only
say where to look; what is stored follows from the whole state seen, so a lost or repeated event changes nothing.
"""

from provisioning.reconciler.controller import ClusterController
from provisioning.reconciler.controllers import Controllers

__all__ = ["ClusterController", "Controllers"]
