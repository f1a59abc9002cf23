"""`python -m small`."""

from small.main import service

if __name__ == "__main__":
    service.main()
