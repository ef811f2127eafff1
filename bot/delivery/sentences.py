"""What went wrong, for a person: kept with the row and put into the report."""

_WHY = {
    "not_in_channel": "Cadence is not in this channel. Invite it there.",
    "channel_not_found": "Cadence cannot see this channel: there is none, or it is private and Cadence is not in it.",
    "is_archived": "The channel is archived.",
    "invalid_blocks": "Slack does not accept the layout of the message.",
    "invalid_blocks_format": "Slack does not accept the layout of the message.",
    "msg_too_long": "The message is too long for Slack.",
    "msg_blocks_too_long": "The message is too long for Slack.",
    "no_text": "The message is empty.",
    "restricted_action": "The workspace's settings do not let Cadence post there.",
    "restricted_action_read_only_channel": "The channel is read-only for Cadence.",
    "restricted_action_thread_only_channel": "The channel takes replies only.",
    "missing_scope": "Cadence lacks a permission in Slack: install it again with the manifest.",
    "thread_not_found": "The message above it is gone.",
    "message_not_found": "The message is gone.",
    "cant_update_message": "The message is not Cadence's own.",
    "edit_window_closed": "The workspace's settings do not let messages be edited any more.",
    "user_not_found": "Slack does not know this person.",
    "users_not_found": "Slack does not know this person.",
    "user_disabled": "The person's Slack account is deactivated.",
    "user_not_visible": "Slack does not let Cadence see this person.",
    "cannot_dm_bot": "This is a bot, not a person.",
}

_FRAME = {
    "failed": "{why}",
    "dm": "The direct message cannot be opened. {why}",
    "look_up": "Slack does not tell what kind of channel it is. {why}",
    "undetermined": "Slack never answered whether the message was posted, and it cannot be read back: {why} "
    "Look there before you post it by hand.",
}


def sentence(kind: str, code: str) -> str:
    """A sentence for one of Slack's error codes. `kind` is failed, dm, look_up or undetermined."""
    return _FRAME[kind].format(why=_WHY.get(code, f"Slack refused with “{code}”."))
