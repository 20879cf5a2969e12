"""Schemas of the Kubernetes kinds that Slipway renders; data for ``provisioning.domain.kubernetes_schema``."""
