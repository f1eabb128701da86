"""Who may enter: checkers by name."""
