"""Settings, from the environment only, and safe when nothing is set.

The table of all variables is in docs/settings.md; a test compares the two. Without ``SLIPWAY_DEMO`` nothing
has a default that would be unsafe in production: no secret key, no host, no debug.
"""

from __future__ import annotations

import time
from pathlib import Path

import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from idp import environ
from idp.secret_files import secret_from

BASE_DIR = Path(__file__).resolve().parent.parent

DEMO = environ.flag("SLIPWAY_DEMO")
DEBUG = environ.flag("SLIPWAY_DEBUG")
DATA_DIR = Path(environ.text("SLIPWAY_DATA_DIR") or BASE_DIR / "var")
TESTING = environ.flag("SLIPWAY_TESTING")

SECRET_KEY = environ.text("SLIPWAY_SECRET_KEY")
ENCRYPTION_KEYS = environ.words("SLIPWAY_ENCRYPTION_KEYS")
AUDIT_SIGNING_KEY = environ.text("SLIPWAY_AUDIT_SIGNING_KEY")
AUDIT_ANCHOR = environ.text("SLIPWAY_AUDIT_ANCHOR")
if DEMO or TESTING:
    SECRET_KEY = SECRET_KEY or secret_from(DATA_DIR / "secret-key")
    ENCRYPTION_KEYS = ENCRYPTION_KEYS or [secret_from(DATA_DIR / "encryption-key", fernet=True)]
    AUDIT_SIGNING_KEY = AUDIT_SIGNING_KEY or secret_from(DATA_DIR / "audit-signing-key", fernet=True)
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SLIPWAY_SECRET_KEY is not set. Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )

ALLOWED_HOSTS = environ.words("SLIPWAY_HOSTS", "127.0.0.1,localhost,[::1]" if DEMO or DEBUG or TESTING else "")
CSRF_TRUSTED_ORIGINS = environ.words("SLIPWAY_ORIGINS")
# What people may make Slipway call beyond the public internet: networks and hosts (idp/kernel/outbound.py).
OUTBOUND_ALLOW = environ.words("SLIPWAY_OUTBOUND_ALLOW")
BASE_URL = environ.text("SLIPWAY_URL", f"http://127.0.0.1:{environ.number('PORT', 8000)}").rstrip("/")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "django_filters",
    "guardian",
    "idp.catalog",
    "governance",
    "provisioning",
    "portal",
]

MIDDLEWARE = [
    "portal.middleware.RequestIdentity",
    "portal.middleware.Faults",
    "portal.middleware.Probes",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.BodyLimit",
    "portal.middleware.PlainText",
    "portal.middleware.KeptNumbers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "portal.middleware.Refusals",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.ActorOfRequest",
]

ROOT_URLCONF = "idp.urls"
WSGI_APPLICATION = "idp.wsgi.application"
ASGI_APPLICATION = "idp.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "portal.pages.shell.shell",
            ],
            "builtins": [
                "django.templatetags.static",
                "template_partials.templatetags.partials",
                "portal.templatetags.slipway",
            ],
        },
    },
]

DATABASES = {"default": environ.database(environ.text("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'slipway.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Large enough that nobody pushes out the counts of requests and of tries to sign in by asking for much else.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}

AUTH_USER_MODEL = "catalog.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "guardian.backends.ObjectPermissionBackend"]
ANONYMOUS_USER_NAME = None
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
TIME_ZONE = environ.text("SLIPWAY_TIME_ZONE", "UTC")
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG or TESTING
WHITENOISE_AUTOREFRESH = DEBUG

# Bodies larger than this are refused before anything reads them. The largest document we take is a contract.
MAX_BODY_BYTES = 1_000_000
# Files of a whole catalog and documents of many kinds come in one body; these addresses take more. (path, bytes)
LARGE_BODIES = (
    ("/api/v1/backstage/imports/", 20_000_000),
    ("/backstage/upload/", 20_000_000),
    ("/api/v1/apply/", 5_000_000),
)
DATA_UPLOAD_MAX_MEMORY_SIZE = max(bytes for _, bytes in LARGE_BODIES)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# --- what the browser is told -------------------------------------------------------------------------------
SECURE_COOKIES = not (DEMO or DEBUG or TESTING) and not environ.flag("SLIPWAY_INSECURE_HTTP")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_FAILURE_VIEW = "portal.pages.problems.csrf_failure"
SECURE_SSL_REDIRECT = SECURE_COOKIES
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_COOKIES
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if environ.flag("SLIPWAY_BEHIND_PROXY") else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- event streams ------------------------------------------------------------------------------------------------
# A stream holds a thread of the server (deploy/gunicorn.py). A quarter of them for pages and a quarter for the API
# leaves half for everything else, however many people watch; who finds no place asks again and again instead.
MOST_STREAMS = environ.number("SLIPWAY_WEB_THREADS", 64, least=1) // 4

# --- the API --------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.authentication.TokenAuthentication",
        "portal.api.authentication.SignedInSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["portal.api.authentication.SignedIn"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsers.StrictJSONParser", "portal.api.parsers.YAMLParser"],
    "DEFAULT_SCHEMA_CLASS": "portal.api.schema.SlipwaySchema",
    "EXCEPTION_HANDLER": "portal.api.problems.handle",
    "DEFAULT_THROTTLE_CLASSES": ["portal.api.throttling.PerPrincipal"],
    "DEFAULT_THROTTLE_RATES": {"principal": environ.text("SLIPWAY_API_RATE", "1200/min")},
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Slipway",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": "The control plane between developers and their infrastructure.",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "AUTHENTICATION_WHITELIST": [],
    "POSTPROCESSING_HOOKS": ["portal.api.schema.add_problems"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# --- workers --------------------------------------------------------------------------------------------------
REDIS_URL = environ.text("REDIS_URL")
if REDIS_URL:
    CACHES["shared"] = {
        "BACKEND": "idp.kernel.shared_cache.SharedCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "slipway",
        "OPTIONS": {
            "serializer": "django.core.signing.JSONSerializer",
            "socket_connect_timeout": 0.5,
            "socket_timeout": 0.5,
        },
    }
EMBEDDED_WORKER = environ.flag("SLIPWAY_EMBEDDED_WORKER", default=not REDIS_URL)
WORKER_THREADS = environ.number("SLIPWAY_WORKER_THREADS", 4, least=1)
SWEEP_SECONDS = environ.number("SLIPWAY_SWEEP_SECONDS", 2, least=1)
LEASE_SECONDS = environ.number("SLIPWAY_LEASE_SECONDS", 30, least=2)
CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"socket_connect_timeout": 1, "socket_timeout": 5, "retry_on_timeout": False}
    if REDIS_URL
    else {"polling_interval": 0.05}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "runs"
CELERY_TASK_ROUTES = {"provisioning.reconcile_*": {"queue": "reconcile"}, "provisioning.notify_*": {"queue": "notify"}}
# The schedule is static, so beat keeps no file of its own.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULE = {
    "anchor": {"task": "provisioning.reconcile_anchor", "schedule": 3600.0, "options": {"expires": 3600}},
    "approvals": {"task": "provisioning.reconcile_approvals", "schedule": 30.0, "options": {"expires": 60}},
    "blasts": {"task": "provisioning.reconcile_blasts", "schedule": 5.0, "options": {"expires": 25}},
    "campaigns": {"task": "provisioning.reconcile_campaigns", "schedule": 5.0, "options": {"expires": 25}},
    "mail": {"task": "provisioning.notify_mail", "schedule": 30.0, "options": {"expires": 60}},
    "webhooks": {"task": "provisioning.notify_webhooks", "schedule": 5.0, "options": {"expires": 25}},
    "catalogs": {"task": "provisioning.reconcile_catalogs", "schedule": 15.0, "options": {"expires": 60}},
    "clusters": {"task": "provisioning.reconcile_clusters", "schedule": 300.0, "options": {"expires": 300}},
    "drains": {"task": "provisioning.reconcile_drains", "schedule": 5.0, "options": {"expires": 25}},
    "gits": {"task": "provisioning.reconcile_gits", "schedule": 15.0, "options": {"expires": 60}},
    "drifts": {"task": "provisioning.reconcile_drifts", "schedule": 30.0, "options": {"expires": 60}},
    "expiry": {"task": "provisioning.reconcile_expiry", "schedule": 15.0, "options": {"expires": 60}},
    "ownership": {"task": "provisioning.reconcile_ownership", "schedule": 900.0, "options": {"expires": 900}},
    "freezes": {"task": "provisioning.reconcile_freezes", "schedule": 30.0, "options": {"expires": 60}},
    "copies": {"task": "provisioning.reconcile_copies", "schedule": 120.0, "options": {"expires": 120}},
    "sleep": {"task": "provisioning.reconcile_sleep", "schedule": 30.0, "options": {"expires": 120}},
    "orphans": {"task": "provisioning.reconcile_orphans", "schedule": 900.0, "options": {"expires": 900}},
    "records": {"task": "provisioning.reconcile_records", "schedule": 3600.0, "options": {"expires": 3600}},
    "costs": {"task": "provisioning.reconcile_costs", "schedule": 600.0, "options": {"expires": 600}},
    "closings": {"task": "provisioning.reconcile_closings", "schedule": 60.0, "options": {"expires": 60}},
    "quota": {"task": "provisioning.reconcile_quota", "schedule": 30.0, "options": {"expires": 60}},
    "words": {"task": "provisioning.reconcile_words", "schedule": 20.0, "options": {"expires": 60}},
    "tallies": {"task": "provisioning.reconcile_tallies", "schedule": 60.0, "options": {"expires": 60}},
    "sums": {"task": "provisioning.reconcile_sums", "schedule": 3600.0, "options": {"expires": 3600}},
    "trains": {"task": "provisioning.reconcile_trains", "schedule": 5.0, "options": {"expires": 25}},
    "sweep": {
        "task": "provisioning.runs_sweep",
        "schedule": float(SWEEP_SECONDS),
        "options": {"expires": SWEEP_SECONDS * 5},
    },
}

# --- mail -----------------------------------------------------------------------------------------------------
# Without a host of SMTP nothing is mailed, and notices stay in the portal; the demo writes its mails to the console.
SMTP_HOST = environ.text("SLIPWAY_SMTP_HOST")
MAIL_ENABLED = bool(SMTP_HOST) or DEMO or TESTING
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
if not SMTP_HOST:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend" if DEMO else EMAIL_BACKEND
SMTP_SECURITY = environ.text("SLIPWAY_SMTP_SECURITY", "starttls")
if SMTP_SECURITY not in ("starttls", "tls", "none"):
    raise ImproperlyConfigured(f"SLIPWAY_SMTP_SECURITY is “{SMTP_SECURITY}”; write starttls, tls or none.")
EMAIL_HOST = SMTP_HOST or "localhost"
EMAIL_PORT = environ.number("SLIPWAY_SMTP_PORT", 465 if SMTP_SECURITY == "tls" else 587, least=1)
EMAIL_HOST_USER = environ.text("SLIPWAY_SMTP_USER")
EMAIL_HOST_PASSWORD = environ.text("SLIPWAY_SMTP_PASSWORD")
EMAIL_USE_TLS = SMTP_SECURITY == "starttls"
EMAIL_USE_SSL = SMTP_SECURITY == "tls"
EMAIL_TIMEOUT = environ.number("SLIPWAY_SMTP_TIMEOUT", 20, least=1)
DEFAULT_FROM_EMAIL = environ.text("SLIPWAY_MAIL_FROM", "Slipway <slipway@localhost>")
NOTICE_DAYS = environ.number("SLIPWAY_NOTICE_DAYS", 90, least=1)
WEBHOOK_DAYS = environ.number("SLIPWAY_WEBHOOK_DAYS", 30, least=4)

# --- the sandbox cluster ----------------------------------------------------------------------------------------
SANDBOX_PATH = DATA_DIR / "sandbox.sqlite3"
SANDBOX_READY_SECONDS = environ.number("SLIPWAY_SANDBOX_READY_SECONDS", 4)
# Custom kinds that sandbox clusters serve, as postgresql.cnpg.io/v1/Cluster with commas between; all if not set.
_sandbox_kinds = environ.text("SLIPWAY_SANDBOX_KINDS", "all")
SANDBOX_CUSTOM_KINDS = (
    None if _sandbox_kinds == "all" else frozenset(one.strip() for one in _sandbox_kinds.split(",") if one.strip())
)
SANDBOX_CLOCK = time.time  # the demo tells its history with a clock in the past

RELEASE_AFTER_MINUTES = environ.number("SLIPWAY_RELEASE_AFTER_MINUTES", 30)
LET_GO_AFTER_MINUTES = environ.number("SLIPWAY_LET_GO_AFTER_MINUTES", 60)
CURRENCY = environ.text("SLIPWAY_CURRENCY", "EUR")

# --- logs -------------------------------------------------------------------------------------------------------
LOG_FORMAT = environ.text("SLIPWAY_LOG_FORMAT", "console" if DEMO or DEBUG or TESTING else "json")
_processors: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "slipway": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "foreign_pre_chain": _processors,
            "processor": structlog.processors.JSONRenderer()
            if LOG_FORMAT == "json"
            else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "slipway"}},
    "root": {"handlers": ["stderr"], "level": environ.text("SLIPWAY_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "kubernetes": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
    },
}
structlog.configure(
    processors=[*_processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
