"""Template tags and filters: the only way in which pages draw a state, an icon, a time or a figure.

They hand plain values to `portal.drawing` and mark its answer as safe, because those functions escape all they are
given. Nothing here queries the database. The app settings list this library under `builtins`, so pages need no load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import URLNode
from django.template.defaulttags import url as parse_url
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from idp.kernel import clock
from portal.addresses import address
from portal.drawing import bars, campaigns, code, graph, impacts, svg, words
from portal.drawing.states import state_of
from portal.reading.matrix import Cell
from portal.templatetags import fields

register = template.Library()

MACHINES = ("-ci", "-bot")


def _safe(markup: str) -> SafeString:
    return mark_safe(markup)  # noqa: S308 - portal.drawing escapes its arguments


@lru_cache(maxsize=8)
def _static(name: str, base: str | None) -> str:
    return static(name)


def _sprite() -> str:
    """The URL of icons.svg; ``base`` is in the key because the address of a sub-path may be set later than this."""
    return _static("icons.svg", settings.STATIC_URL)


# --- addresses ----------------------------------------------------------------------------------------------


class _Address(URLNode):
    """Django's own, but that an address that was asked for before is remembered."""

    def render(self, context: Context) -> str:
        if self.kwargs or self.asvar:
            return str(super().render(context))
        found = address(self.view_name.resolve(context), *(one.resolve(context) for one in self.args))
        return conditional_escape(found) if context.autoescape else found


@register.tag
def url(parser: Parser, token: Token) -> URLNode:
    """Takes the place of Django's tag of this name in all templates."""
    node = parse_url(parser, token)
    return _Address(node.view_name, node.args, node.kwargs, node.asvar)


# --- states and icons ---------------------------------------------------------------------------------------


@lru_cache(maxsize=2048)
def _state(sprite: str, key: str, kind: str, word: str, pill: bool) -> SafeString:
    return _safe(svg.state_label(sprite, state_of(key, kind), word=word, pill=pill))


@register.simple_tag
def state(key: object, *, kind: str = "", word: object = "", pill: bool = False) -> SafeString:
    """Mark, word and tone of a state. `word` replaces the table's word; `pill` beside a title only."""
    return _state(_sprite(), str(key), kind, str(word or ""), pill)


@register.simple_tag
def env_cell(cell: Cell, over: bool = False) -> SafeString:
    """One place of a matrix (`portal.reading.matrix.Cell`): state over revision, ``over`` inside a row that is a link.

    A tag and no partial, because a matrix draws hundreds of them.
    """
    shown = cell.environment
    if shown is None:
        return _safe('<span class="muted">None</span>')
    drawn = _state(_sprite(), shown.state, "environment", "" if over else cell.short_word, False)
    number = rev(shown.desired.number if shown.desired else None)
    return _safe(
        f'<a class="env-cell{" over" if over else ""}" href="{svg.text(cell.url)}">'
        f'<span class="visually-hidden">{svg.text(shown.name)}: </span>{drawn}{number}</a>'
    )


@register.simple_tag
def mark(key: object, kind: str = "") -> SafeString:
    """The shape alone, where the word stands elsewhere (banner, toast, activity)."""
    return _safe(svg.mark(_sprite(), state_of(key, kind)))


@register.filter
def tone(key: object, kind: str = "") -> str:
    """The class of a state's tone: ok, warn, bad, busy or wait; nothing for what is over or at rest."""
    found = state_of(key, kind).tone
    return "" if found == "off" else found


@register.filter
def word(key: object, kind: str = "") -> str:
    """The word of a state."""
    return state_of(key, kind).word


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """A decorative icon of the sprite; `size` is "" or "large"."""
    return _icon(_sprite(), name, size)


@lru_cache(maxsize=512)
def _icon(sprite: str, name: str, size: str) -> SafeString:
    return _safe(svg.icon(sprite, name, size))


@register.simple_tag
def sprite(symbol: str) -> str:
    """The URL of one symbol, for the mark of the brand."""
    return f"{_sprite()}#{symbol}"


@register.filter
def is_here(nav: object, section: str) -> bool:
    """Whether `nav`, the section a view names, is this one; an include cannot compare."""
    return nav == section


# --- people -------------------------------------------------------------------------------------------------


def _kind_of(name: str, kind: str) -> str:
    return kind or ("machine" if name.endswith(MACHINES) or name.startswith("system") else "person")


@register.simple_tag
def avatar(name: object, kind: str = "", size: str = "") -> SafeString:
    """Initials in a shape: round for a person, square for a team, outlined for a machine."""
    return _avatar(str(name or ""), kind, size)


@lru_cache(maxsize=1024)
def _avatar(label: str, kind: str, size: str) -> SafeString:
    shape = _kind_of(label, kind)
    letters = label.rpartition("-")[2].upper()[:2] if label.endswith(MACHINES) else words.initials(label)
    classes = " ".join(part for part in ("avatar", "" if shape == "person" else shape, size) if part)
    return _safe(f'<span class="{svg.text(classes)}" aria-hidden="true">{svg.text(letters)}</span>')


@register.simple_tag
def who(name: object, kind: str = "") -> SafeString:
    """An avatar and the name beside it."""
    return _safe(f'<span class="who">{avatar(name, kind)}{svg.text(name)}</span>')


# --- time ---------------------------------------------------------------------------------------------------


@register.simple_tag
def when(moment: datetime | date | None, short: bool = False) -> SafeString:
    """ "38 min ago" or "in 3 days", "38 min" when short; the exact time on hover. Nothing for None."""
    if moment is None:
        return _safe("")
    at = _moment(moment)
    text = (words.age if short else words.relative)(at, clock.now())
    return _safe(f'<time {_exactly(at)} data-when="{"age" if short else "ago"}">{text}</time>')


@register.simple_tag
def since(moment: datetime | None) -> SafeString:
    """How long something has been going on; the browser counts on each second."""
    if moment is None:
        return _safe("")
    at = _moment(moment)
    return format_html(
        '<time datetime="{}" title="since {}" class="elapsed" data-since>{}</time>',
        at.isoformat(timespec="seconds"),
        words.exact(at),
        words.duration(max(clock.now() - at, timedelta(seconds=1))),
    )


@register.simple_tag
def exact(moment: datetime | date | None, form: str = "clock") -> SafeString:
    """ "14:28:07" (form clock), "1 Dec 2026" (date) or "1 Dec 2026, 14:28" (both); all of it on hover."""
    if moment is None:
        return _safe("")
    at = _moment(moment)
    text = {"clock": f"{at:%H:%M:%S}", "date": words.day(at), "both": f"{words.day(at)}, {at:%H:%M}"}[form]
    return _safe(f"<time {_exactly(at)}>{text}</time>")


def _exactly(at: datetime) -> str:
    """The attributes that say a time to machines and on hover; nothing in them needs escaping."""
    return f'datetime="{at.isoformat(timespec="seconds")}" title="{words.exact(at)}"'


def _moment(value: datetime | date) -> datetime:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    aware = timezone.make_aware(value) if timezone.is_naive(value) else value
    return timezone.localtime(aware)


def _length(value: float | timedelta | None) -> str:
    return "" if value is None or value == "" else words.duration(value)


@register.simple_tag(name="duration")
def duration_tag(value: float | timedelta | None) -> str:
    """A length of time: "2 min 4 s". Takes seconds or a timedelta."""
    return _length(value)


@register.filter
def duration(value: float | timedelta | None) -> str:
    """The same as a filter, for use as an argument of an include."""
    return _length(value)


# --- figures ------------------------------------------------------------------------------------------------


@register.filter
def money(value: words.Figure | None, currency: str = "EUR") -> str:
    """ "€1,200.00" from major units; nothing for None."""
    return "" if value is None or value == "" else words.money(value, currency)


@register.filter
def money_change(value: words.Figure | None, currency: str = "EUR") -> str:
    """ "+€17.40", "−€3.00" or "No cost"; nothing for None."""
    return "" if value is None or value == "" else words.money_change(value, currency)


@register.filter
def number(value: words.Figure | None) -> str:
    """ "1,000", "26.5"; nothing for None."""
    return "" if value is None or value == "" else words.number(value)


@register.filter
def count(value: Any, forms: str) -> str:
    """ "3 replicas" with "replica,replicas". Takes a number or anything that has a length."""
    return words.count(value if isinstance(value, int) else len(value), forms)


@register.filter
def entity_kind(kind: str) -> str:
    return words.entity_kind(kind)


@register.filter(name="bytes")
def octets(value: float | None) -> str:
    """ "1.5 GiB" from a number of bytes; nothing for None."""
    return "" if value is None else words.size(value)


@register.simple_tag
def digest(value: str) -> SafeString:
    """The short form of a digest in mono; the whole one on hover."""
    return format_html('<span class="digest" title="{}">{}</span>', value or "", words.digest(value or ""))


@register.simple_tag
def rev(value: object) -> SafeString:
    """A revision's number: "r38"; nothing for None."""
    return _safe("" if value is None or value == "" else f'<span class="rev">r{svg.text(value)}</span>')


# --- pictures -----------------------------------------------------------------------------------------------


@register.simple_tag
def quota_bar(
    used: words.Figure | None,
    held: words.Figure | None,
    asked: words.Figure | None,
    limit: words.Figure | None,
    label: str,
    unit: str = "",
    currency: str = "",
) -> SafeString:
    """Shares of a limit: used, held by others, asked for here."""
    return _safe(bars.quota_bar(used, held, asked, limit, label, unit=unit, currency=currency))


@register.simple_tag
def impact_bar(counts: Mapping[str, int]) -> SafeString:
    """The share of each outcome of a blast radius; ``counts`` by outcome."""
    return _safe(impacts.impact_bar(counts))


@register.simple_tag
def owner_bar(
    parts: Iterable[tuple[str, words.Figure]],
    limit: words.Figure | None,
    label: str,
    unit: str = "",
    held: words.Figure | None = 0,
) -> SafeString:
    """Who uses a limit: pairs of a name and a figure."""
    return _safe(bars.owner_bar(parts, limit, label, held=held, unit=unit))


@register.simple_tag
def swatch(cls: str) -> SafeString:
    """A square of a bar's colour, for a legend."""
    return _safe(bars.swatch(cls))


@register.simple_tag
def run_bar(start: float | None, length: float | None, total: float | None, state: str) -> SafeString:
    """When a step was at work within its run, in seconds."""
    return _safe(bars.run_bar(start, length, total, str(state)))


@register.simple_tag
def sparkline(values: Sequence[float], label: str) -> SafeString:
    """A small line from zero, oldest value first; `label` is what is read aloud."""
    return _safe(bars.sparkline(values, label))


@register.simple_tag
def campaign_bar(counts: Mapping[str, int], label: str) -> SafeString:
    """Environments of a campaign by what became of them; `label` says whose."""
    return _safe(campaigns.campaign_bar(counts, label))


@register.simple_tag
def wave_chart(spans: Sequence[campaigns.Span], now: datetime, label: str) -> SafeString:
    """Waves along the days."""
    return _safe(campaigns.wave_chart(spans, now, label))


@register.simple_tag(name="graph")
def graph_tag(
    nodes: Iterable[graph.Node | Mapping[str, Any]], edges: Iterable[tuple[str, str]], label: str
) -> SafeString:
    """The resource graph in a region that scrolls by itself and can be reached by keyboard."""
    drawn = graph.graph([graph.node_of(node) for node in nodes], edges, label, sprite=_sprite())
    return format_html(
        '<div class="graph" tabindex="0" role="region" aria-label="Resource graph, scrolls sideways">{}</div>',
        _safe(drawn),
    )


@register.simple_tag
def highlight(text: str, language: str) -> SafeString:
    """Escaped code with token spans, for inside a `<pre>`; languages yaml, json and shell."""
    return _safe(code.highlight(text, language))


@register.simple_tag
def highlight_yaml(text: str) -> SafeString:
    """YAML with token spans."""
    return _safe(code.highlight(text, "yaml"))


@register.simple_tag
def highlight_json(text: str) -> SafeString:
    """JSON with token spans."""
    return _safe(code.highlight(text, "json"))


@register.simple_tag
def highlight_shell(text: str) -> SafeString:
    """A shell command with token spans."""
    return _safe(code.highlight(text, "shell"))


@register.simple_tag
def verdict(key: object, title: str, text: str = "", kind: str = "policy", word: str = "") -> SafeString:
    """One line of `<ul class="verdicts">`: mark, sentence, word, and the reason below."""
    look = state_of(key, kind)
    return format_html(
        '<li class="verdict tone{}">{}<span class="title">{}</span><span class="word">{}</span>{}</li>',
        "" if look.tone == "off" else f" {look.tone}",
        _safe(svg.mark(_sprite(), look)),
        title,
        word or look.word,
        format_html("<p>{}</p>", text) if text else "",
    )


# --- forms --------------------------------------------------------------------------------------------------


@register.simple_tag
def bound_field(bound: BoundField, **options: Any) -> SafeString:
    """A field of a Django form drawn as every other field; options are those of `components/_field.html`."""
    return render_to_string("components/_field.html", {"field": fields.of(bound, **options)})
