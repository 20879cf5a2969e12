from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from idp.kernel import tallies


class GovernanceConfig(AppConfig):
    name = "governance"

    def ready(self) -> None:
        pre_migrate.connect(tallies.let_go, sender=self)
        post_migrate.connect(tallies.follow, sender=self)
