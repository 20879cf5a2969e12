"""The form of how one wants to be told: a way for each kind, the digest's hour and the time zone."""

from __future__ import annotations

from typing import Any

from django import forms

from governance.domain.notice import DELIVERIES, DELIVERY_WORDS, groups
from governance.selectors.notices import Wishes
from portal.forms.plain import PlainForm
from portal.forms.time_zones import time_zone_options

PREFIX = "kind-"


class NoticeForm(PlainForm):
    """Starts from what holds now, so that a kind which the form did not send keeps its way."""

    digest_hour = forms.TypedChoiceField(
        label="Comes at", choices=[(hour, f"{hour:02}:00") for hour in range(24)], coerce=int
    )
    time_zone = forms.CharField(label="Time zone", max_length=60)

    def __init__(self, data: Any = None, *, wishes: Wishes) -> None:
        super().__init__(data, initial={"digest_hour": wishes.digest_hour, "time_zone": wishes.time_zone})
        self.wishes = wishes

    def deliveries(self) -> dict[str, str]:
        """Every kind's way as it was sent; a way that does not exist is for the service to refuse."""
        return {kind: self.data.get(PREFIX + kind, now)[:20] for kind, now in self.wishes.deliveries.items()}

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The rows by group, each with its four ways; what is ``told`` of a group while it is folded."""
        chosen = self.deliveries() if self.is_bound else self.wishes.deliveries
        return [
            {
                "title": title,
                "told": _told([chosen[kind.key] for kind in kinds]),
                "rows": [
                    {
                        "key": kind.key,
                        "name": PREFIX + kind.key,
                        "title": kind.title,
                        "options": [
                            {"value": one, "label": DELIVERY_WORDS[one], "selected": chosen[kind.key] == one}
                            for one in DELIVERIES
                        ],
                    }
                    for kind in kinds
                ],
            }
            for title, kinds in groups().items()
        ]

    @property
    def zone_field(self) -> dict[str, Any]:
        """The zone as a field that offers the names the machine knows."""
        return {
            "id": "id_time_zone",
            "name": "time_zone",
            "label": "Time zone",
            "kind": "text",
            "value": self["time_zone"].value(),
            "error": " ".join(str(one) for one in self["time_zone"].errors),
            "suggested": time_zone_options(),
            "maxlength": 60,
        }


def _told(ways: list[str]) -> str:
    """How many of a group come which way: ``3 mail at once, 1 portal only``."""
    counted = [(ways.count(one), DELIVERY_WORDS[one]) for one in DELIVERIES if one in ways]
    if len(counted) == 1:
        return counted[0][1]
    return ", ".join(f"{number} {word.lower()}" for number, word in counted)
