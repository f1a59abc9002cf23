"""`python -m registry`."""

from chassis import collecting

if __name__ == "__main__":
    with collecting.imports():
        from registry.main import service
    service.main()
