"""`python -m photo`."""

from chassis import collecting

if __name__ == "__main__":
    with collecting.imports():
        from photo.main import service
    service.main()
