"""Score files that several tests read, and the built-in contracts as rules need them."""

from __future__ import annotations

from functools import cache

from idp.kernel.errors import NotFound
from provisioning.contracts import builtin_documents
from provisioning.domain.contract import Contract, parse_contract
from provisioning.domain.score.check import workloads_of
from provisioning.domain.score.outcome import Before, Place, Translation
from provisioning.domain.score.rules import Rule, rules_of, shipped
from provisioning.domain.score.translate import translate

PLACE = Place("shop", "dev", "dev")

WHOLE = """\
apiVersion: score.dev/v1b1
metadata:
  name: shop-api
  annotations: {example.com/team-name: storefront}
containers:
  main:
    image: registry.example/shop-api:1.8.3
    args: [serve]
    variables:
      DATABASE: postgresql://${resources.db.username}:${resources.db.password}@${resources.db.host}:${resources.db.port}/${resources.db.name}
      PASSWORD: ${resources.db.password}
      CACHE_HOST: ${resources.cache.host}
      LITERAL: $$5 $${x} ${metadata.annotations.example\\.com/team-name}
      ADDRESS: https://${resources.dns.host}/
    resources: {limits: {cpu: 400m, memory: 600Mi}}
    readinessProbe: {httpGet: {path: /ready, port: 8080}}
service:
  ports: {www: {port: 80, targetPort: 8080}}
resources:
  db: {type: postgres, params: {storage: 20Gi}}
  cache: {type: redis, id: main.cache}
  dns: {type: dns}
  route: {type: route, params: {host: "${resources.dns.host}", path: /, port: 80}}
---
apiVersion: score.dev/v1b1
metadata: {name: mailer}
containers:
  main:
    image: "."
    files:
      /etc/shop/mail.conf: {content: "cache=${resources.store.host}"}
    volumes:
      - {source: "${resources.data}", target: /data, read_only: true}
    livenessProbe: {exec: {command: [/app/healthy]}}
resources:
  data: {type: volume, params: {size: 5G}}
  store: {type: redis, id: main.cache}
  api: {type: service-port, params: {workload: shop-api}}
"""


@cache
def _published() -> tuple[Contract, ...]:
    return tuple(parse_contract(document.data) for _, document in builtin_documents())


def contracts(capability: str, version: str) -> Contract:
    fitting = [
        one
        for one in _published()
        if one.capability == capability and (not version or f"{one.version}.".startswith(f"{version}."))
    ]
    if not fitting:
        raise NotFound(f"There is no capability “{capability}”.")
    return max(fitting, key=lambda one: one.semver)


@cache
def rules() -> tuple[Rule, ...]:
    return rules_of(shipped())


def translated(text: str, before: Before | None = None, **images: str) -> Translation:
    return translate(workloads_of(text), rules(), contracts, PLACE, before=before, images={"": images.get("image", "")})


def workload(*, name: str = "shop-api", container: str = "{image: x}", more: str = "") -> str:
    """A file with one container, written in flow style."""
    return f"apiVersion: score.dev/v1b1\nmetadata: {{name: {name}}}\ncontainers: {{main: {container}}}\n{more}"
