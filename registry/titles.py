"""What a request asks for, in one line: for pages and for mails."""

from registry.models import Account, Request


def asked(item: Request) -> str:
    """Write how many certificates a request asks for."""
    volume = item.volume
    if volume is None and item.ranges:
        volume = sum(last - first + 1 for first, last in item.ranges)
    return "" if volume is None else f"{volume:,}"


def of(item: Request) -> str:
    """Say in one line what a request asks for."""
    what = f"{asked(item)} {item.commodity.code}".strip()
    source, target = holder(item.source), holder(item.target)
    return {
        Request.Kind.MINT: f"Issue {what} to {target}",
        Request.Kind.TRANSFER: f"Transfer {what} from {source} to {target}",
        Request.Kind.RETIRE: f"Retire {what} of {source} for {item.beneficiary}",
        Request.Kind.REASSIGN_REGION: f"Move {what} of {source} to {item.region}",
        Request.Kind.EXPIRE: f"Expire {what}",
    }[Request.Kind(item.kind)]


def sentence(item: Request) -> str:
    """Say in a sentence what a request asks for; a name may end in a full stop of its own."""
    return f"{of(item).removesuffix('.')}."


def holder(account: Account | None) -> str:
    """Name who holds an account."""
    if account is None:
        return ""
    return account.organisation.name if account.organisation else account.code
