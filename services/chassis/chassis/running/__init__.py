"""A service as running processes: the roles, and the commands of an operator."""
