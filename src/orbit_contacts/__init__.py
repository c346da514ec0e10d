"""Orbit Contacts: a self-hostable contact directory for customer communication."""

__version__ = "0.1.0"
