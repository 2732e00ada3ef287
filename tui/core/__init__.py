"""The pure core: bytes to events to state. No screen, no clock, no files, no asyncio."""
