"""Settings of everything that is measured: those of the product, without debug, with addresses for the floors.

``python -m bench`` sets the environment before anything imports this; the worker processes it starts inherit it.
"""

from __future__ import annotations

from idp.settings import *  # noqa: F403
from idp.settings import REST_FRAMEWORK, TEMPLATES

ROOT_URLCONF = "bench.urls"
TEMPLATES[0]["DIRS"].append(BASE_DIR / "bench" / "templates")  # noqa: F405
# One principal asks as fast as it can here; the limit itself costs the same.
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["principal"] = "100000000/min"
LOGGING = {"version": 1, "disable_existing_loggers": True}
