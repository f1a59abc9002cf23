"""The words that the services share. pydantic only: no input or output, no clock, no randomness."""
