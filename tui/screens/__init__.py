"""Screens: the dashboard and the modals over it."""
