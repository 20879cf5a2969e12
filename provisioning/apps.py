from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class ProvisioningConfig(AppConfig):
    name = "provisioning"

    def ready(self) -> None:
        from provisioning import tasks

        tasks.register_wakers()
        pre_migrate.connect(_let_go_of_the_tables, sender=self)
        post_migrate.connect(_keep_the_index, sender=self)


def _let_go_of_the_tables(using: str, plan: list[Any], **_: Any) -> None:
    """The triggers of the search index would keep a migration from changing the columns that they look at."""
    from provisioning.models.search_sql import search_uninstall

    if plan:
        search_uninstall(connections[using])


def _keep_the_index(using: str, **_: Any) -> None:
    from provisioning.models.search_sql import search_install

    if "provisioning_searchentry" in connections[using].introspection.table_names():
        search_install(connections[using])
