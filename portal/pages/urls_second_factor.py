"""Addresses of the second factor: the steps of signing in, one's own factors, and what admins require."""

from __future__ import annotations

from django.urls import path

from portal.pages import local_sign_in, proving, second_factor, second_factor_admin, second_step

urlpatterns = [
    path("login/second-step", second_step.second_step, name="second-step"),
    path("login/passkey", second_step.passkey_sign_in, name="login-passkey"),
    path("login/set-up", second_step.set_up, name="second-factor-set-up"),
    path("login/set-up/passkey", second_step.set_up_passkey, name="second-factor-set-up-passkey"),
    path("account/confirm", proving.confirm, name="account-confirm"),
    path("account/confirm/<slug:provider>", proving.confirm_through, name="account-confirm-through"),
    path("account/second-factor/", second_factor.second_factor, name="second-factor"),
    path("account/second-factor/app", second_factor.app, name="factor-app"),
    path("account/second-factor/app/remove", second_factor.app_remove, name="factor-app-remove"),
    path("account/second-factor/codes", second_factor.recovery, name="factor-codes"),
    path("account/second-factor/passkeys/new", second_factor.passkey_new, name="passkey-new"),
    path("account/second-factor/passkeys/<int:passkey>/name", second_factor.passkey_rename, name="passkey-rename"),
    path("account/second-factor/passkeys/<int:passkey>/remove", second_factor.passkey_remove, name="passkey-remove"),
    path("administration/second-factor", second_factor_admin.second_factor_rule, name="second-factor-rule"),
    path("administration/local-sign-in", local_sign_in.local_sign_in, name="local-sign-in"),
    path("people/<str:username>/second-factor", second_factor_admin.factors_reset, name="person-factors"),
]
