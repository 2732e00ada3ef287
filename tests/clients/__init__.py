"""What people's programs are made with, unmodified, against the mock and through a relay: `make clients`.

Each client is installed into a folder of its own in `.clients/`, with pip or npm, and then runs its
program of `tests/clients/programs/`. This needs a package registry, so it is no part of the checks.
"""
