"""The shortcodes that apps use most; others stay as they were written."""

from __future__ import annotations

import re

EMOJI = {
    "white_check_mark": "✅", "heavy_check_mark": "✔️", "ballot_box_with_check": "☑️", "x": "❌",
    "warning": "⚠️", "rotating_light": "🚨", "no_entry": "⛔", "no_entry_sign": "🚫", "lock": "🔒", "unlock": "🔓",
    "bell": "🔔", "no_bell": "🔕", "calendar": "📆", "date": "📅", "spiral_calendar_pad": "🗓️", "clock1": "🕐",
    "alarm_clock": "⏰", "hourglass": "⌛", "hourglass_flowing_sand": "⏳", "stopwatch": "⏱️",
    "memo": "📝", "pencil": "📝", "pencil2": "✏️", "clipboard": "📋", "page_facing_up": "📄", "bookmark": "🔖",
    "bar_chart": "📊", "chart_with_upwards_trend": "📈", "chart_with_downwards_trend": "📉",
    "moneybag": "💰", "dollar": "💵", "briefcase": "💼", "handshake": "🤝", "busts_in_silhouette": "👥",
    "bust_in_silhouette": "👤", "speech_balloon": "💬", "mega": "📣", "loudspeaker": "📢", "envelope": "✉️",
    "eyes": "👀", "wave": "👋", "pray": "🙏", "thumbsup": "👍", "+1": "👍", "thumbsdown": "👎", "-1": "👎",
    "clap": "👏", "tada": "🎉", "sparkles": "✨", "star": "⭐", "fire": "🔥", "rocket": "🚀", "dart": "🎯",
    "bulb": "💡", "mag": "🔍", "link": "🔗", "paperclip": "📎", "pushpin": "📌", "gear": "⚙️", "wrench": "🔧",
    "arrow_right": "➡️", "arrow_left": "⬅️", "arrow_up": "⬆️", "arrow_down": "⬇️", "fast_forward": "⏩",
    "large_green_circle": "🟢", "large_yellow_circle": "🟡", "large_orange_circle": "🟠", "red_circle": "🔴",
    "large_blue_circle": "🔵", "white_circle": "⚪", "black_circle": "⚫", "double_vertical_bar": "⏸️",
    "pause_button": "⏸️", "arrow_forward": "▶️", "repeat": "🔁", "zzz": "💤", "snowflake": "❄️", "seedling": "🌱",
    "palm_tree": "🌴", "robot_face": "🤖", "slightly_smiling_face": "🙂", "smile": "😄", "heart": "❤️",
    "question": "❓", "exclamation": "❗", "information_source": "ℹ️", "small_blue_diamond": "🔹",
    "small_orange_diamond": "🔸", "mountain": "⛰️", "trophy": "🏆", "mailbox": "📫", "house": "🏠",
}  # fmt: skip
SHORTCODE = re.compile(r":([a-z0-9_+-]+):")


def with_emoji(text: str) -> str:
    return SHORTCODE.sub(lambda match: EMOJI.get(match.group(1), match.group(0)), text)
