"""Laws to look for exceptions to, for as long as one likes: `make fuzz`.

A target is a module in this folder with `LAWS`, a list of functions decorated with Hypothesis'
`given`. There is nothing else to do to add one: the runner and `tests/test_fuzz.py` find it.
"""
