"""The callers' door and the operators' door, over HTTP, and the client that comes through the first.

What is said at the doors (`ingress`, `admin`) knows no HTTP library; `server` and `transport` are all that does.
"""
