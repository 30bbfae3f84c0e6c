"""The two machines and their nouns: no asyncio, no aiohttp, no lmdb, no clock, no disk, no chance.

`replay` answers what one attempt gets back from its journal. `ledger` answers what the node knows after
something happened, and what must be done about it. Everything they need of the world comes through `port`.
"""
