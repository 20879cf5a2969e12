"""Words that every layer shares: errors, actors, time, expressions. Knows no model and no business rule."""
