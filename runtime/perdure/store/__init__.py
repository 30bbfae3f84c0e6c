"""Where rows survive: `lmdb` for real, `memory` for tests; `overlay` puts what is not yet durable on top."""
