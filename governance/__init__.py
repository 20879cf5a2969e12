"""Who may, how much, who agreed, what happened. Knows changes and environments by number only."""
