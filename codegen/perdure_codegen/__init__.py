"""Reads specs, resolves them to a model and writes typed Python from it."""
