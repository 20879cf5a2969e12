"""Shapes of promotion trains, and of the windows in which promotions into a stage may start."""

from __future__ import annotations

from portal.api.shapes.words import link, listed, maybe, moment, page_of, record, ref, shape, slug, text, whole
from provisioning.domain.lifecycle import CHANGE_STATES
from provisioning.domain.sleep_schedule import DAYS, MAX_WINDOWS
from provisioning.domain.train import MOST_MEMBERS, TRAIN_STATES

NOT_BEFORE = text("The moment from which it may start; UTC unless it names an offset.", most=40)
_WINDOW = record(
    {
        "days": listed(text(one_of=DAYS), "Days on which it begins.", most=7),
        "from": text("Time of day.", most=5, example="09:00"),
        "to": text("The next such time of day ends it.", most=5, example="16:00"),
    },
    closed=True,
)
WINDOWS = shape(
    "PromotionWindows",
    record(
        {
            "stage": text(),
            "windows": listed(_WINDOW, "None: promotions start at any time."),
            "timezone": text(example="Europe/Berlin"),
            "words": text("The same as a sentence."),
            "opens_at": moment("When a promotion could start that is agreed to now."),
            "version": whole(least=1),
            "url": link(),
        }
    ),
)
WINDOWS_EDIT = shape(
    "PromotionWindowsEdit",
    record(
        {"windows": listed(_WINDOW, "None: at any time.", most=MAX_WINDOWS)},
        {"timezone": text("UTC if left out.", most=64, example="Europe/Berlin")},
        closed=True,
        examples=(
            {
                "windows": [{"days": ["tue", "wed", "thu"], "from": "09:00", "to": "16:00"}],
                "timezone": "Europe/Berlin",
            },
        ),
    ),
)
_MEMBER_ASKED = record(
    {
        "system": slug("The system.", "checkout"),
        "environment": slug("The environment that is promoted to.", "prod"),
        "from": text("The environment to take from.", most=64, example="staging"),
    },
    {
        "resources": maybe(listed(text(most=64), "Which; all where it is left out.", most=100)),
        "spec": {"type": "object", "description": "Inputs that belong to the environment, as of a promotion."},
        "reason": text("The train's where it is left out.", most=4000),
    },
    closed=True,
)
TRAIN_REQUEST = shape(
    "TrainRequest",
    record(
        {"members": listed(_MEMBER_ASKED, "The promotions that start together.", least=2, most=MOST_MEMBERS)},
        {
            "title": text("A plain one if left out.", most=120),
            "reason": text("People who decide read it.", most=4000),
            "not_before": NOT_BEFORE,
        },
        closed=True,
        examples=(
            {
                "title": "Autumn release",
                "members": [
                    {"system": "checkout", "environment": "prod", "from": "staging"},
                    {"system": "search", "environment": "prod", "from": "staging"},
                ],
            },
        ),
    ),
)
_TRAIN = {
    "id": whole(),
    "title": text(),
    "reason": text(),
    "state": text(one_of=TRAIN_STATES),
    "state_reason": text("What keeps it, or why it ended."),
    "requester": text(),
    "not_before": maybe(moment()),
    "created_at": moment(),
    "departed_at": maybe(moment()),
    "finished_at": maybe(moment()),
    "url": link(),
}
TRAIN = shape("Train", record(_TRAIN))
TRAIN_PAGE = page_of(TRAIN)
TRAIN_MEMBER = shape(
    "TrainMember",
    record(
        {
            "system": text(),
            "environment": text(),
            "stage": text(),
            "change": whole("Id of its change."),
            "state": text("Of its change.", one_of=CHANGE_STATES),
            "opens_at": moment("The first moment at which the windows of its stage let it start."),
            "run": maybe(whole("Id of its newest run.")),
        }
    ),
)
TRAIN_DETAIL = shape(
    "TrainDetail",
    record({**_TRAIN, "members": listed(ref(TRAIN_MEMBER), "Those that you may see."), "hidden": whole("Others.")}),
)
TRAIN_PLAN = shape("TrainPlan", record({"members": listed(ref("Planned"), "In the order that was asked for.")}))
TRAIN_CANCEL = shape(
    "TrainCancel",
    record(
        {},
        {"reason": text("Everybody who waits reads it.", most=300)},
        closed=True,
        examples=({"reason": "The release waits for a fix."},),
    ),
)
