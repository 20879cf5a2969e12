"""One database for each size of data, all on one server, seeded once in a run and dropped at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection

from bench.seed import Seeded, seed
from idp.kernel import clock


class Databases:
    """Databases ``slipway_bench_<environments>``; ``use`` says which one this process talks to from then on."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._server = str(connection.settings_dict["NAME"])
        self.seeded: dict[int, Seeded] = {}

    def name(self, size: int) -> str:
        return f"slipway_bench_{size}"

    def make(self, size: int) -> None:
        self._ask(f'DROP DATABASE IF EXISTS "{self.name(size)}"', f'CREATE DATABASE "{self.name(size)}"')
        self._connect(self.name(size))
        call_command("migrate", verbosity=0)
        self._say(f"seeding {size:,} environments …")
        self.seeded[size] = seed(size, now=clock.now())

    def use(self, size: int) -> Seeded:
        self._connect(self.name(size))
        return self.seeded[size]

    def drop(self) -> None:
        for size in self.seeded:
            self._ask(f'DROP DATABASE IF EXISTS "{self.name(size)}" WITH (FORCE)')

    def _ask(self, *statements: str) -> None:
        self._connect(self._server)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _connect(self, name: str) -> None:
        if connection.settings_dict["NAME"] != name:
            connection.close()
            connection.settings_dict["NAME"] = name


@contextmanager
def databases(say: Callable[[str], None]) -> Iterator[Databases]:
    made = Databases(say)
    try:
        yield made
    finally:
        made.drop()
