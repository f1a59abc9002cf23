"""`python -m portal`."""

from chassis import collecting

if __name__ == "__main__":
    with collecting.imports():
        from portal.main import main
    main()
