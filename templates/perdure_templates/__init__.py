"""Jinja templates that the generator fills. They place text; every decision is made before."""
