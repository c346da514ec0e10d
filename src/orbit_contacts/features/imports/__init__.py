"""Rows in: files read, columns mapped, contacts matched and written, and a way back."""
