"""`python -m photo`."""

from photo.main import service

if __name__ == "__main__":
    service.main()
