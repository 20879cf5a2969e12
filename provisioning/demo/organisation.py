"""Who works at the demo's company and what they own. Data only; ``provisioning.demo.founding`` makes it.

Every repository and link leads to ``example`` domains, which nobody owns.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TeamData:
    """``quota`` is CPU cores, GiB of memory, GiB of storage, environments."""

    slug: str
    name: str
    description: str
    quota: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class PersonData:
    """``roles`` are (team, role); ``can`` says in a few words what signing in as them shows."""

    username: str
    name: str
    roles: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()
    can: str = ""


@dataclass(frozen=True, slots=True)
class SystemData:
    slug: str
    name: str
    team: str
    description: str
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class ComponentData:
    """``needs`` are slugs of components made before it; ``links`` are the last parts of two usual addresses."""

    slug: str
    name: str
    system: str
    type: str
    description: str
    needs: tuple[str, ...] = ()


TEAMS = (
    TeamData("payments", "Payments", "Everything between “buy now” and money in the bank. On call: #payments-oncall.",
             (24, 48, 500, 12)),
    TeamData("storefront", "Storefront", "The shop that customers see, and its search.", (24, 48, 300, 12)),
    TeamData("data", "Data", "Event pipeline and the models built on it.", (16, 48, 500, 8)),
    TeamData("platform", "Platform", "Slipway, identity and what every team builds on.", (16, 32, 200, 8)),
)  # fmt: skip

PEOPLE = (
    PersonData("admin", "Ada Osei", (("platform", "maintainer"),), ("platform-admins", "platform"),
               "runs Slipway: teams, quotas, policies, stages, clusters"),
    PersonData("developer", "Dora Lindqvist", (("payments", "developer"),), (),
               "asks for changes of team payments; production waits for a maintainer"),
    PersonData("maintainer", "Mateo Ruiz", (("payments", "maintainer"),), (),
               "decides for team payments; one change waits for this account"),
    PersonData("second-maintainer", "Sunniva Dahl", (("payments", "maintainer"),), (),
               "decides for team payments, also on what maintainer asks for"),
    PersonData("viewer", "Victor Mbeki", (("payments", "viewer"),), (), "reads what team payments has"),
    PersonData("auditor", "Aiko Tanaka", (), ("auditors",),
               "reads everything, restricted systems too, and the audit log"),
    PersonData("storefront-dev", "Sam Whitlock", (("storefront", "developer"),), (),
               "asks for changes of team storefront"),
    PersonData("search-maintainer", "Selma Yıldız", (("storefront", "maintainer"),), (), "decides for team storefront"),
    PersonData("data-dev", "Dmitri Havel", (("data", "developer"),), (), "asks for changes of team data"),
    PersonData("data-maintainer", "Divya Raman", (("data", "maintainer"),), (), "decides for team data"),
    PersonData("platform-dev", "Piet Bakker", (("platform", "developer"),), ("platform",),
               "asks for changes of team platform"),
    PersonData("platform-maintainer", "Paula Ferreira", (("platform", "maintainer"),), ("platform",),
               "decides for team platform"),
)  # fmt: skip

SYSTEMS = (
    SystemData("checkout", "Checkout", "payments", "Cart to confirmed order: prices, taxes, payment methods."),
    SystemData("ledger", "Ledger", "payments",
               "Double-entry books of every payment. Under audit, so only the team and auditors see it.", True),
    SystemData("invoicing", "Invoicing", "payments", "Invoices and credit notes as PDF, numbered without gaps."),
    SystemData("shop", "Shop", "storefront", "The website: catalogue, product pages, account."),
    SystemData("search", "Search", "storefront", "Finds products, forgives typing mistakes, puts first what is there."),
    SystemData("events", "Events", "data", "Takes in what happens everywhere and hands it to whoever asks."),
    SystemData("recommendations", "Recommendations", "data", "“Others also bought”, trained every night."),
    SystemData("identity", "Identity", "platform", "Sign-in for customers and colleagues."),
)  # fmt: skip

COMPONENTS = (
    ComponentData("identity-api", "Identity API", "identity", "service", "OpenID Connect provider."),
    ComponentData("identity-admin", "Identity admin", "identity", "website", "Support looks up accounts here.",
                  ("identity-api",)),
    ComponentData("auth-client", "Auth client", "identity", "library", "Checks tokens in a service with two lines.",
                  ("identity-api",)),
    ComponentData("event-gateway", "Event gateway", "events", "service", "HTTP in, checked against the registry.",
                  ("auth-client",)),
    ComponentData("event-replay", "Event replay", "events", "job", "Sends a stored day again, for whoever missed it.",
                  ("event-gateway",)),
    ComponentData("schema-registry", "Schema registry", "events", "service", "Which event looks how, by version."),
    ComponentData("ledger-api", "Ledger API", "ledger", "service", "Bookings in, balances out; never an update.",
                  ("auth-client",)),
    ComponentData("ledger-export", "Ledger export", "ledger", "job", "Nightly file for the accountants.",
                  ("ledger-api",)),
    ComponentData("payment-methods", "Payment methods", "checkout", "library", "One interface over four providers."),
    ComponentData("checkout-api", "Checkout API", "checkout", "service", "Holds the cart and takes the order.",
                  ("payment-methods", "ledger-api", "identity-api", "event-gateway")),
    ComponentData("checkout-web", "Checkout pages", "checkout", "website", "The four steps that a customer sees.",
                  ("checkout-api",)),
    ComponentData("invoice-api", "Invoice API", "invoicing", "service", "Makes, stores and serves invoices.",
                  ("ledger-api", "event-gateway")),
    ComponentData("invoice-renderer", "Invoice renderer", "invoicing", "service", "Turns an invoice into a PDF.",
                  ("invoice-api",)),
    ComponentData("dunning", "Dunning", "invoicing", "job", "Reminds of what is overdue, politely at first.",
                  ("invoice-api",)),
    ComponentData("search-api", "Search API", "search", "service", "Answers in under 50 ms or says nothing.",
                  ("event-gateway",)),
    ComponentData("search-indexer", "Search indexer", "search", "job", "Keeps the index a minute behind the catalogue.",
                  ("search-api", "event-gateway")),
    ComponentData("reco-api", "Recommendations API", "recommendations", "service",
                  "Ten products for a customer and a page.", ("event-gateway",)),
    ComponentData("reco-training", "Recommendation training", "recommendations", "job",
                  "Trains at three in the morning, is live at five.",
                  ("reco-api", "event-gateway")),
    ComponentData("shop-api", "Shop API", "shop", "service", "Products, prices and stock for the website.",
                  ("search-api", "reco-api", "identity-api")),
    ComponentData("shop-web", "Shop website", "shop", "website", "Rendered on the server, hydrated where it must be.",
                  ("shop-api", "checkout-web")),
)  # fmt: skip


def repository(component: ComponentData) -> str:
    return f"https://git.example/{component.system}/{component.slug}"


def links(component: ComponentData) -> list[dict[str, str]]:
    """A library has only documentation; what runs has a dashboard and a runbook."""
    if component.type == "library":
        return [{"title": "Documentation", "url": f"https://docs.example/{component.slug}/"}]
    return [
        {"title": "Dashboard", "url": f"https://grafana.example/d/{component.slug}"},
        {"title": "Runbook", "url": f"https://wiki.example/runbooks/{component.slug}"},
    ]


_GRAFANA = "https://grafana.example"
_OF = "var-namespace=${environment.namespace}&var-workload=${resource.name}"
STAGE_LINKS = (
    ("Overview", "dashboard", f"{_GRAFANA}/d/environment?var-namespace=${{environment.namespace}}"),
    ("Dashboard", "dashboard", f"{_GRAFANA}/d/workload?{_OF}"),
    ("Logs", "logs", f"{_GRAFANA}/explore/logs?{_OF}"),
    ("Traces", "traces", f"{_GRAFANA}/explore/traces?var-service=${{resource.name}}&var-env=${{environment.name}}"),
    ("Alerts", "alerts", "https://alerts.example/?filter=namespace%3D${environment.namespace}"),
)
"""Name, kind and template of the links that every stage has; production is watched for alerts as well."""
