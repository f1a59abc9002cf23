"""`python -m registry`."""

import sys

from chassis import collecting

if __name__ == "__main__":
    with collecting.imports():
        from chassis.running.operating import REFUSED
        from chassis.settings import SettingsRefused

        try:
            from registry.main import service
        except SettingsRefused as refused:  # routes know from the start how large a proof may be
            sys.stderr.write(f"{refused}\n")
            sys.exit(REFUSED)
    service.main()
