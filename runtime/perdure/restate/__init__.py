"""The same handlers as a deployment of Restate, for when one machine is no longer enough.

Needs the extra: ``pip install 'perdure[restate]'``. Nothing outside of this package imports what it brings.
"""
