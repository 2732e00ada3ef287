"""A conversation over live calls: turns, tools, retries; asyncio and no screen."""
