"""`python -m small`."""

from .main import service

if __name__ == "__main__":
    service.main()
