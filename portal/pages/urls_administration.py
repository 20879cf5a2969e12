"""Addresses of the pages on which the platform is administered."""

from __future__ import annotations

from django.urls import path

from portal.pages import (
    administration,
    audit,
    freezes,
    group_rules,
    ownership,
    people,
    score,
    sign_in_providers,
    trust_rules,
)

urlpatterns = [
    path("administration/", administration.administration, name="administration"),
    path("administration/undo/<int:edit>", people.people_undo, name="people-undo"),
    path("ownership/", ownership.ownership, name="ownership"),
    path("ownership/transfers/<int:transfer>/<slug:act>", ownership.transfer_act, name="transfer-act"),
    path("systems/<slug:system>/confirm", ownership.system_confirm, name="system-confirm"),
    path("systems/<slug:system>/transfer", ownership.system_transfer, name="system-transfer"),
    path("people/", people.people, name="people"),
    path("people/<str:username>/", people.person, name="person"),
    path("groups/", people.groups, name="groups"),
    path("groups/<str:name>/", people.group, name="group"),
    path("groups/<str:name>/delete", people.group_delete, name="group-delete"),
    path("teams/<slug:team>/place", people.team_place, name="team-place"),
    path("freezes/", freezes.freezes, name="freezes"),
    path("freezes/new", freezes.freeze_new, name="freeze-new"),
    path("freezes/switch", freezes.freeze_switch, name="freeze-switch"),
    path("freezes/glass/<int:broken>", freezes.glass_reviewed, name="glass-review"),
    path("freezes/<int:freeze>/", freezes.freeze, name="freeze"),
    path("freezes/<int:freeze>/edit", freezes.freeze_edit, name="freeze-edit"),
    path("freezes/<int:freeze>/<slug:act>", freezes.freeze_act, name="freeze-act"),
    path("changes/<int:change>/glass", freezes.change_glass, name="change-glass"),
    path("score-rules/", score.score_rules, name="score-rules"),
    path("score-rules/new", score.score_rule_new, name="score-rule-new"),
    path("score-rules/take-back", score.score_rules_restore, name="score-rules-restore"),
    path("score-rules/<int:place>/edit", score.score_rule_edit, name="score-rule-edit"),
    path("pipelines/", trust_rules.trust_rules, name="trust-rules"),
    path("pipelines/new", trust_rules.trust_rule, name="trust-rule-new"),
    path("pipelines/<slug:name>/", trust_rules.trust_rule, name="trust-rule"),
    path("pipelines/<slug:name>/act", trust_rules.trust_rule_act, name="trust-rule-act"),
    path("sign-in/", sign_in_providers.sign_in_providers, name="sign-in-providers"),
    path("sign-in/new", sign_in_providers.sign_in_provider, name="sign-in-provider-new"),
    path("sign-in/<slug:name>/", sign_in_providers.sign_in_provider, name="sign-in-provider"),
    path("sign-in/<slug:name>/act", sign_in_providers.sign_in_provider_act, name="sign-in-provider-act"),
    path("group-rules/", group_rules.group_rules, name="group-rules"),
    path("audit/", audit.audit, name="audit"),
    path("audit/search.<slug:form>", audit.audit_download, name="audit-download"),
    path("audit/<int:number>/", audit.audit_entry, name="audit-entry"),
]
