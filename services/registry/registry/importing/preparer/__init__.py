"""Rows of a sheet, read by the rules of the record and prepared to be drafted; half of an import's work.

`python -m registry.importing.preparer` does it for a large sheet in a process of its own beside the service: it gets
chunks on descriptor 0 as they are staged, and answers each in a frame on descriptor 1. It decides what the service
would decide, by the same function; where it dies the service goes on by itself.
"""
