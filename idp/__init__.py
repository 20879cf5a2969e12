"""The ground floor: settings, URLs, the kernel and the catalog. No business rules."""
