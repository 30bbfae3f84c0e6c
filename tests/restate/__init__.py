"""The same handlers on both engines, and what is Restate's alone."""
