"""`python -m review`."""

from chassis import collecting

if __name__ == "__main__":
    with collecting.imports():
        from review.main import service
    service.main()
