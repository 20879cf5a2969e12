"""Celery tasks: ids in, three lines, safe to run twice, late or never."""

from __future__ import annotations

from celery import shared_task

from idp.kernel import clock, wake


@shared_task(name="provisioning.run_advance")
def run_advance(run_id: int) -> None:
    from provisioning.orchestrator import advance

    advance(run_id)


@shared_task(name="provisioning.runs_sweep")
def runs_sweep() -> None:
    from provisioning.orchestrator import sweep

    sweep()


@shared_task(name="provisioning.reconcile_blast")
def reconcile_blast(report_id: int) -> None:
    from provisioning.orchestrator.blast import blast_advance

    blast_advance(report_id)


@shared_task(name="provisioning.reconcile_blasts")
def reconcile_blasts() -> None:
    """Reports of every kind that are due."""
    from provisioning.orchestrator.blast import blast_sweep
    from provisioning.orchestrator.policy_replay import replay_sweep

    blast_sweep()
    replay_sweep()


@shared_task(name="provisioning.reconcile_replay")
def reconcile_replay(replay_id: int) -> None:
    from provisioning.orchestrator.policy_replay import replay_advance

    replay_advance(replay_id)


@shared_task(name="provisioning.reconcile_expiry")
def reconcile_expiry() -> None:
    from provisioning.services.expiry import environments_expire
    from provisioning.services.expiry_notices import expiries_tell

    expiries_tell(now=clock.now())
    environments_expire(now=clock.now())


@shared_task(name="provisioning.reconcile_ownership")
def reconcile_ownership() -> None:
    from provisioning.services.ownership import ownership_sweep

    ownership_sweep(now=clock.now())


@shared_task(name="provisioning.reconcile_freezes")
def reconcile_freezes() -> None:
    """Tell of what was frozen or has thawed by the clock, and of broken glass that nobody has agreed to in time."""
    from provisioning.services.freezes import freezes_tell
    from provisioning.services.glass import glass_late_tell

    freezes_tell(now=clock.now())
    glass_late_tell(now=clock.now())


@shared_task(name="provisioning.reconcile_copies")
def reconcile_copies() -> None:
    from provisioning.orchestrator.copies import copies_refresh

    copies_refresh()


@shared_task(name="provisioning.reconcile_sleep")
def reconcile_sleep() -> None:
    from provisioning.services.sleep_sweep import environments_power

    environments_power(now=clock.now())


@shared_task(name="provisioning.reconcile_drains")
def reconcile_drains() -> None:
    from provisioning.services.drains import drains_sweep

    drains_sweep(now=clock.now())


@shared_task(name="provisioning.reconcile_clusters")
def reconcile_clusters() -> None:
    from provisioning.services.cluster_offers import clusters_look

    clusters_look(now=clock.now())


@shared_task(name="provisioning.reconcile_orphans")
def reconcile_orphans() -> None:
    from provisioning.services.orphans import orphans_sweep

    orphans_sweep(now=clock.now())


@shared_task(name="provisioning.reconcile_catalog")
def reconcile_catalog(import_id: int) -> None:
    from governance.services.backstage_runs import import_carry_out

    import_carry_out(import_id, now=clock.now())


@shared_task(name="provisioning.reconcile_catalogs")
def reconcile_catalogs() -> None:
    """Imports of catalogs that are due by schedule, or that wait for a worker."""
    from governance.services.backstage_runs import imports_sweep

    imports_sweep(now=clock.now())


@shared_task(name="provisioning.reconcile_git")
def reconcile_git(sync_id: int) -> None:
    from provisioning.services.git_syncs import git_sync_carry_out

    git_sync_carry_out(sync_id, now=clock.now())


@shared_task(name="provisioning.reconcile_gits")
def reconcile_gits() -> None:
    """Looks at files in Git that are due by schedule, or that wait for a worker."""
    from provisioning.services.git_syncs import git_syncs_sweep

    git_syncs_sweep(now=clock.now())


@shared_task(name="provisioning.reconcile_records")
def reconcile_records() -> None:
    """Forget what is over: answers kept for repeated requests, old notices, reports, drift and drafts, and sessions."""
    from django.contrib.sessions.models import Session

    from governance.services.idempotency import idempotency_purge
    from governance.services.notices import notices_purge
    from governance.services.open_sessions import sessions_forget
    from governance.services.webhooks import webhooks_purge
    from provisioning.services.agent_sessions import agent_sessions_purge
    from provisioning.services.blast_reports import blasts_forget
    from provisioning.services.drift_retention import drifts_forget
    from provisioning.services.kept_drafts import drafts_forget
    from provisioning.services.policy_replays import replays_forget

    idempotency_purge(clock.now())
    notices_purge(clock.now())
    webhooks_purge(clock.now())
    agent_sessions_purge(clock.now())
    blasts_forget(clock.now())
    replays_forget(clock.now())
    drifts_forget(clock.now())
    drafts_forget(now=clock.now())
    Session.objects.filter(expire_date__lte=clock.now()).delete()
    sessions_forget()


@shared_task(name="provisioning.reconcile_tallies")
def reconcile_tallies() -> None:
    """Put together what gathered in kept sums."""
    from governance.services.tallies import tallies_fold

    tallies_fold()


@shared_task(name="provisioning.reconcile_sums")
def reconcile_sums() -> None:
    """Compare kept sums with their rows."""
    from governance.services.tallies import tallies_check
    from provisioning.services.closed_costs import costs_check

    tallies_check(now=clock.now())
    costs_check(now=clock.now())


@shared_task(name="provisioning.reconcile_closings")
def reconcile_closings() -> None:
    """Sum what months have cost until the last midnight, one month at a time."""
    from provisioning.services.closed_costs import costs_close

    costs_close(now=clock.now())


@shared_task(name="provisioning.notify_mail")
def notify_mail() -> None:
    from governance.services.notice_mail import notices_send

    notices_send(now=clock.now())


@shared_task(name="provisioning.notify_webhooks")
def notify_webhooks() -> None:
    from governance.services.slack import slack_answers_send
    from governance.services.webhook_delivery import webhooks_send

    slack_answers_send(now=clock.now())
    webhooks_send(now=clock.now())


@shared_task(name="provisioning.reconcile_campaign")
def reconcile_campaign(campaign_id: int) -> None:
    from provisioning.services.campaign_sweep import campaign_advance

    campaign_advance(campaign_id, now=clock.now())


@shared_task(name="provisioning.reconcile_campaigns")
def reconcile_campaigns() -> None:
    from provisioning.services.campaign_sweep import campaigns_advance_due

    campaigns_advance_due(now=clock.now())


@shared_task(name="provisioning.reconcile_drift")
def reconcile_drift(environment_id: int) -> None:
    from provisioning.services.drift_correction import drift_correct

    drift_correct(environment_id, now=clock.now())


@shared_task(name="provisioning.reconcile_drifts")
def reconcile_drifts() -> None:
    """Open again what was snoozed until now, and correct what a lost wake left."""
    from provisioning.services.drift import drifts_reopen
    from provisioning.services.drift_correction import drifts_correct

    drifts_reopen(now=clock.now())
    drifts_correct(now=clock.now())


@shared_task(name="provisioning.reconcile_train")
def reconcile_train(train_id: int) -> None:
    from provisioning.services.train_sweep import train_advance

    train_advance(train_id, now=clock.now())


@shared_task(name="provisioning.reconcile_trains")
def reconcile_trains() -> None:
    from provisioning.services.train_sweep import trains_advance_due

    trains_advance_due(now=clock.now())


@shared_task(name="provisioning.reconcile_words")
def reconcile_words() -> None:
    """Find newer guides, and learn the words of what came since, from which misspelt searches are mended."""
    from provisioning.services.guide_index import guides_index
    from provisioning.services.search_words import search_words_gather

    guides_index()
    search_words_gather()


@shared_task(name="provisioning.reconcile_quota")
def reconcile_quota() -> None:
    """Let loans go back whose time is over."""
    from governance.services.loans import loans_due

    loans_due(now=clock.now())


@shared_task(name="provisioning.reconcile_costs")
def reconcile_costs() -> None:
    """Let costs follow price lists whose day has come, and tell of budgets that are being used up."""
    from provisioning.services.budget_gate import budgets_tell
    from provisioning.services.price_lists import prices_follow

    prices_follow(now=clock.now())
    budgets_tell(now=clock.now())


@shared_task(name="provisioning.reconcile_approvals")
def reconcile_approvals() -> None:
    """Ask the next people where nobody decides, and end what waited too long."""
    from provisioning.services.approval_sweep import approvals_escalate, approvals_expire

    approvals_escalate(now=clock.now())
    approvals_expire(now=clock.now())


@shared_task(name="provisioning.reconcile_anchor")
def reconcile_anchor() -> None:
    """Write the audit log's head where it can no longer be changed from here."""
    from governance.services.audit_export import audit_anchor_quietly

    audit_anchor_quietly(now=clock.now())


def register_wakers() -> None:
    """Tell the kernel how to wake a worker for a run, a report, and for mails. Called once at start-up."""
    wake.register("run", _send_run)
    wake.register("campaign", _send_campaign)
    wake.register("blast", _send_blast)
    wake.register("replay", _send_replay)
    wake.register("train", _send_train)
    wake.register("notices", _send_mail)
    wake.register("webhooks", _send_webhooks)
    wake.register("drift", _send_drift)
    wake.register("catalog-import", _send_catalog_import)
    wake.register("git-sync", _send_git_sync)


def _send_drift(environment_id: int) -> None:
    reconcile_drift.apply_async((environment_id,), ignore_result=True, retry=False)


def _send_catalog_import(import_id: int) -> None:
    reconcile_catalog.apply_async((import_id,), ignore_result=True, retry=False)


def _send_git_sync(sync_id: int) -> None:
    reconcile_git.apply_async((sync_id,), ignore_result=True, retry=False)


def _send_campaign(campaign_id: int) -> None:
    reconcile_campaign.apply_async((campaign_id,), ignore_result=True, retry=False)


def _send_train(train_id: int) -> None:
    reconcile_train.apply_async((train_id,), ignore_result=True, retry=False)


def _send_run(run_id: int) -> None:
    run_advance.apply_async((run_id,), ignore_result=True, retry=False)


def _send_blast(report_id: int) -> None:
    reconcile_blast.apply_async((report_id,), ignore_result=True, retry=False)


def _send_replay(replay_id: int) -> None:
    reconcile_replay.apply_async((replay_id,), ignore_result=True, retry=False)


def _send_mail(_: int) -> None:
    notify_mail.apply_async(ignore_result=True, retry=False)


def _send_webhooks(_: int) -> None:
    notify_webhooks.apply_async(ignore_result=True, retry=False)
