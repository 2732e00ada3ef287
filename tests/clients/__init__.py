"""What people's programs are made with, unmodified: `make clients`.

Each client is installed into a folder of its own in `.clients/`, with pip or npm, and then runs its
program of `tests/clients/programs/` against the mock, and through a relay to it. This needs a
package registry, so it is no part of the checks.
"""
