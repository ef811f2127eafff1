"""Who is of our company, as Slack says it: the user's own team against ours, never the channel's or the request's."""

from bot.delivery import Delivery


class Company:
    """Our side of the boundary."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    async def ours(self, user_id: str, team_id: str) -> bool:  # noqa: ARG002 - on Grid the user's enterprise decides
        """Whether this user is of our company. Unknown means no."""
        identity = await self._delivery.identify()
        return bool(team_id) and team_id == identity.team_id
