"""What the command line ends with, and the one fault that ends it early. Documented in ``docs/cli.md``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

DONE: Final = 0
ERROR: Final = 1
USAGE: Final = 2
DENIED: Final = 3
WAITING: Final = 4
FAILED: Final = 5


class Fault(Exception):
    """Ends a command: what happened, each place that is wrong, what to do, and with which status.

    ``code`` is the API's, empty for what never reached it. ``status`` is the HTTP status, 0 likewise.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        places: Sequence[str] = (),
        request_id: str = "",
        exit_code: int = ERROR,
        code: str = "",
        status: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.places = tuple(places)
        self.request_id = request_id
        self.exit_code = exit_code
        self.code = code
        self.status = status

    @property
    def lines(self) -> list[str]:
        """As it is told on standard error, without colour."""
        told = [f"Error: {self.message}", *(f"  {one}" for one in self.places)]
        told += [self.remedy] if self.remedy else []
        return [*told, f"Request {self.request_id}"] if self.request_id else told
