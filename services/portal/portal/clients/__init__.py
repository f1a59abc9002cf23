"""How the portal asks the services: one module per service, typed answers."""
