"""How personal data shows where it need not be read in full."""


def masked_name(name: str) -> str:
    """张**: the first character stays."""
    return name[:1] + "**" if name else ""


def masked_number(number: str | None) -> str:
    """340***********1234: three characters, eleven stars, the last four; a short number keeps only its ends."""
    if not number:
        return ""
    if len(number) < 10:
        return number[:1] + "*" * (len(number) - 1)
    return number[:3] + "*" * (len(number) - 7) + number[-4:]


def masked_phone(phone: str | None) -> str:
    """138****5678."""
    if not phone:
        return ""
    return phone[:3] + "****" + phone[-4:] if len(phone) >= 11 else "****" + phone[-2:]
