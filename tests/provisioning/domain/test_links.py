"""Templates of links: which are right, what they give, and for whom."""

from __future__ import annotations

import pytest

from provisioning.domain.links import SAMPLE, LinkTemplate, Workload, links_of, template_problems

HTTPS = "https://grafana.example"


@pytest.mark.parametrize(
    "url",
    [
        f"{HTTPS}/d/1",
        f"{HTTPS}/d/1?ns=${{environment.namespace}}&s=${{system.name}}&t=${{team.slug}}&c=${{cluster.name}}",
        "https://${stage.name}.grafana.example:8443/",
        f"{HTTPS}/x?w=${{resource.name}}&k=${{resource.capability}}&c=${{component}}",
        f"{HTTPS}/x?level=${{stage.name == 'prod' ? 'error' : 'info'}}",
        f"{HTTPS}/$${{literal",
    ],
)
def test_it_takes_an_address(url: str) -> None:
    wrong = template_problems(LinkTemplate("Name", "logs", url))
    assert wrong == [] or "literal" in url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://grafana.example", "begins with https://"),
        ("javascript:alert(1)", "begins with https://"),
        ("${system.name}", "begins with https://"),
        ("//grafana.example", "begins with https://"),
        ("https://", "a host"),
        ("https:///path", "a host"),
        ("https://user:pw@grafana.example/", "user name or password"),
        (f"{HTTPS}/a b", "%20"),
        (f'{HTTPS}/?q={{a="b"}}', "%22"),
        (f"{HTTPS}/<script>", "%3C"),
        (f"{HTTPS}/ü", "ASCII"),
        (f"{HTTPS}/${{environment.nam}}", "nam"),
        (f"{HTTPS}/${{env.name}}", "env"),
        (f"{HTTPS}/${{system}}", "map"),
        (f"{HTTPS}/${{system.name", "never closed"),
        ("https://grafana.example:port/", "a host"),
        (f"{HTTPS}/" + "a" * 1_000, "at most 1,000"),
        (f"{HTTPS}/${{replace('aaaaaaaaaa', 'a', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb')}}" * 6, "more than 2,000"),
    ],
)
def test_it_says_what_is_right(url: str, says: str) -> None:
    [wrong] = template_problems(LinkTemplate("Name", "logs", url))
    assert wrong.path == "url"
    assert says in wrong.message


@pytest.mark.parametrize(
    ("name", "kind", "path"), [("", "logs", "name"), ("x" * 41, "logs", "name"), ("a", "b", "kind")]
)
def test_it_checks_name_and_kind(name: str, kind: str, path: str) -> None:
    assert [one.path for one in template_problems(LinkTemplate(name, kind, HTTPS))] == [path]


def test_it_makes_links_of_the_environment_and_of_each_workload() -> None:
    templates = [
        LinkTemplate("All", "dashboard", f"{HTTPS}/${{environment.namespace}}"),
        LinkTemplate("Logs", "logs", f"{HTTPS}/${{resource.name}}"),
        LinkTemplate("Code", "other", f"{HTTPS}/${{component}}"),
    ]
    workloads = [Workload("api", "web-service", "checkout-api"), Workload("db", "postgres")]
    assert [(one.resource, one.name, one.url) for one in links_of(templates, SAMPLE, workloads)] == [
        ("", "All", f"{HTTPS}/checkout-staging"),
        ("api", "Logs", f"{HTTPS}/api"),
        ("api", "Code", f"{HTTPS}/checkout-api"),
        ("db", "Logs", f"{HTTPS}/db"),
    ]


def test_what_gives_no_address_here_is_left_out() -> None:
    only_api = LinkTemplate("A", "logs", "${resource.name == 'api' ? 'https://a.example' : 'javascript:x'}")
    fails = LinkTemplate("B", "logs", f"{HTTPS}/${{{{'api': 'x'}}[resource.name]}}")
    workloads = [Workload("api", "web-service"), Workload("db", "postgres")]
    assert [(one.resource, one.name) for one in links_of([only_api, fails], SAMPLE, workloads)] == [
        ("api", "A"),
        ("api", "B"),
    ]
