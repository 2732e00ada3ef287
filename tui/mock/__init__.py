"""Local servers on loopback. Starlette and uvicorn are imported here and nowhere else."""
