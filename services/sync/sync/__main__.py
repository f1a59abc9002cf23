"""`python -m sync`."""

from sync.main import service

if __name__ == "__main__":
    service.main()
