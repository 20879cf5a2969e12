"""The ground floor: settings, URLs, the kernel and the catalog. No business rules."""

from idp.celery import app as celery_app  # else processes that are no worker would send to Celery's default broker

__all__ = ["celery_app"]
