"""What is sent: requests, turns, and what the prompt cache makes of them."""
