"""`python -m review`."""

from review.main import service

if __name__ == "__main__":
    service.main()
