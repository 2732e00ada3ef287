"""The mock: a Messages API on loopback, with validation, usage, faults and the demo streams."""
