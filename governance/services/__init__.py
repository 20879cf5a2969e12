"""The only writers of catalog and governance rows. One module per subject, one function per use case."""
