"""Who owns what: teams, their members, their systems and components."""
