"""`python -m sync`."""

from chassis import collecting

if __name__ == "__main__":
    with collecting.imports():
        from sync.main import service
    service.main()
