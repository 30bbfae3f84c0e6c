"""Handlers for the specs of this repository, as a user would write them."""
