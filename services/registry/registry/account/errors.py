"""What registry refuses about accounts and sign-in, in words."""

from contracts.refusal import Refusal


class SignInRefused(Refusal):
    """Login and password do not fit, or the account may not act: the asker is not told which."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "sign-in-refused", "账号或密码不正确，或账号不可用。请核对后再试；忘记密码的，请联系省级管理员重置。"
        )


class TooManyAttempts(Refusal):
    """Too many failures in a row, of the login or from the address."""

    status = 429

    def __init__(self, seconds: int) -> None:
        wait = f"{seconds}秒" if seconds < 60 else f"{-(-seconds // 60)}分钟"
        super().__init__("too-many-attempts", f"登录失败次数过多。请在{wait}后再试。", retry_after=seconds)


class SignInBusy(Refusal):
    """So many passwords wait to be compared that another would wait too long. It was not looked at, nor counted."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "sign-in-busy",
            f"当前登录和修改密码的人过多，本次没有办理，也不计入失败次数。请在{seconds}秒后再试。",
            retry_after=seconds,
        )


class SessionOver(Refusal):
    """The session is unknown, idle for too long, too old, or ended."""

    status = 401

    def __init__(self) -> None:
        super().__init__("session-over", "登录已失效。请重新登录。")


class WrongOldPassword(Refusal):
    """The old password does not fit."""

    status = 403

    def __init__(self) -> None:
        super().__init__("wrong-old-password", "原密码不正确。请重新输入。", field="old")


class WeakPassword(Refusal):
    """The new password is one that others guess."""

    def __init__(self, why: str) -> None:
        super().__init__("weak-password", f"{why}请换一个更长、更难猜的密码，例如由几个不相关的词组成。", field="new")


class LoginTaken(Refusal):
    """Another account bears the login."""

    status = 409

    def __init__(self, login: str) -> None:
        super().__init__("login-taken", f"登录名{login}已被使用。请换一个登录名。", field="login")


class WrongLogin(Refusal):
    """A login does not have its form."""

    def __init__(self) -> None:
        super().__init__(
            "wrong-login",
            "登录名应为4至40位小写字母、数字、点、下划线或连字符，并以字母开头。请重新填写。",
            field="login",
        )


class WrongName(Refusal):
    """A person needs a name."""

    def __init__(self) -> None:
        super().__init__("wrong-name", "姓名应为1至50个字。请填写使用人的真实姓名。", field="display_name")


class RoleDoesNotFit(Refusal):
    """The role belongs to another kind of organisation. Source: art. 4, art. 6."""

    def __init__(self, role: str, kind: str) -> None:
        super().__init__("role-does-not-fit", f"“{role}”不能授予{kind}的账号。请更正角色或所属单位。", field="roles")


class RoleOfTheCentre(Refusal):
    """Whoever works at a campus has her account at its school. Source: art. 7."""

    def __init__(self, role: str) -> None:
        super().__init__(
            "role-of-the-centre",
            f"分校由中心校统一管理，“{role}”的账号须建在中心校。请把所属单位改为该分校的中心校。",
            field="organisation_id",
        )


class OwnAccount(Refusal):
    """Nobody disables herself, or resets her own password past the old one."""

    status = 409

    def __init__(self) -> None:
        super().__init__("own-account", "不能对自己的账号进行此操作。请由另一位省级管理员办理。")
