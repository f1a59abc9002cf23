"""`python -m registry`."""

from registry.main import service

if __name__ == "__main__":
    service.main()
