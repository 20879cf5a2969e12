"""The only writers of provisioning. Each use case: permission, change, audit, in one short transaction.

Locks are taken in one order everywhere: environment, change, run, quota, audit head.
"""
