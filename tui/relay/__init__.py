"""The relay: forwards requests to one upstream, byte for byte, and has them recorded.

A process of its own. Writing the capture is the work of another one (`tape`, `tape_writer`), so
that neither a screen nor a disk can hold up what is forwarded.
"""
