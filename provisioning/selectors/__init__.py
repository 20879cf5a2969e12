"""Reads of provisioning, one module per subject. They take the reader's rights first and write nothing."""
