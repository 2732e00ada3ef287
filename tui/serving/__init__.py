"""A server on loopback that answers local programs alone: its guard, its limits, its streams.

What it serves is a `RequestHandler`: a coroutine from aiohttp's request to aiohttp's response.
"""
