"""The program that reads an uploaded sheet, in a process of its own with limited memory and time.

`python -m registry.importing.reader` gets the file on descriptor 0 and answers in frames on descriptor 1. It decides
nothing about pupils: it says whether the file may be read at all, which columns it has and what stands in its cells.
Whatever it dies of, the service only sees that no answer came, and refuses the file.
"""
