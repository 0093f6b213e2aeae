"""The implementation of ./dev: one module per concern, see cli.py for the commands."""
