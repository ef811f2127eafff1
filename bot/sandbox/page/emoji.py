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
    "question": "❓", "grey_question": "❔", "exclamation": "❗", "information_source": "ℹ️", "small_blue_diamond": "🔹",
    "small_orange_diamond": "🔸", "mountain": "⛰️", "trophy": "🏆", "mailbox": "📫", "house": "🏠",
    "grinning": "😀", "smiley": "😃", "grin": "😁", "laughing": "😆", "sweat_smile": "😅", "joy": "😂", "rofl": "🤣",
    "blush": "😊", "wink": "😉", "heart_eyes": "😍", "kissing_heart": "😘", "yum": "😋", "thinking_face": "🤔", "thinking": "🤔",
    "neutral_face": "😐", "expressionless": "😑", "smirk": "😏", "unamused": "😒", "roll_eyes": "🙄", "face_with_rolling_eyes": "🙄",
    "grimacing": "😬", "relieved": "😌", "pensive": "😔", "sleepy": "😪", "sleeping": "😴", "mask": "😷", "sunglasses": "😎",
    "confused": "😕", "worried": "😟", "open_mouth": "😮", "astonished": "😲", "flushed": "😳", "cry": "😢", "sob": "😭",
    "scream": "😱", "angry": "😠", "rage": "😡", "upside_down_face": "🙃", "hugging_face": "🤗", "shrug": "🤷", "facepalm": "🤦",
    "raised_hands": "🙌", "ok_hand": "👌", "point_right": "👉", "point_left": "👈", "point_up": "☝️", "point_down": "👇",
    "muscle": "💪", "crossed_fingers": "🤞", "v": "✌️", "raised_hand": "✋", "hand": "✋", "writing_hand": "✍️", "brain": "🧠",
    "heartbeat": "💓", "broken_heart": "💔", "sparkling_heart": "💖", "yellow_heart": "💛", "green_heart": "💚", "blue_heart": "💙",
    "100": "💯", "boom": "💥", "zap": "⚡", "sunny": "☀️", "cloud": "☁️", "umbrella": "☔", "rainbow": "🌈", "ocean": "🌊",
    "christmas_tree": "🎄", "gift": "🎁", "balloon": "🎈", "confetti_ball": "🎊", "birthday": "🎂", "coffee": "☕", "beers": "🍻",
    "beer": "🍺", "pizza": "🍕", "apple": "🍎", "cherry_blossom": "🌸", "four_leaf_clover": "🍀", "evergreen_tree": "🌲",
    "dog": "🐶", "cat": "🐱", "unicorn_face": "🦄", "turtle": "🐢", "snail": "🐌", "bug": "🐛", "bee": "🐝",
    "car": "🚗", "airplane": "✈️", "ship": "🚢", "train": "🚆", "earth_africa": "🌍", "earth_americas": "🌎", "globe_with_meridians": "🌐",
    "phone": "☎️", "telephone_receiver": "📞", "iphone": "📱", "computer": "💻", "keyboard": "⌨️", "printer": "🖨️", "camera": "📷",
    "inbox_tray": "📥", "outbox_tray": "📤", "package": "📦", "file_folder": "📁", "open_file_folder": "📂", "card_index": "📇",
    "newspaper": "📰", "book": "📖", "books": "📚", "scroll": "📜", "receipt": "🧾", "label": "🏷️", "key": "🔑", "hammer": "🔨",
    "shield": "🛡️", "scales": "⚖️", "microscope": "🔬", "crystal_ball": "🔮", "battery": "🔋", "electric_plug": "🔌",
    "euro": "💶", "pound": "💷", "yen": "💴", "credit_card": "💳", "office": "🏢", "bank": "🏦", "factory": "🏭", "hospital": "🏥",
    "medal": "🏅", "first_place_medal": "🥇", "second_place_medal": "🥈", "third_place_medal": "🥉", "crown": "👑", "gem": "💎",
    "checkered_flag": "🏁", "triangular_flag_on_post": "🚩", "construction": "🚧", "octagonal_sign": "🛑", "heavy_plus_sign": "➕",
    "heavy_minus_sign": "➖", "heavy_multiplication_x": "✖️", "negative_squared_cross_mark": "❎", "new": "🆕", "free": "🆓",
    "sos": "🆘", "ok": "🆗", "up": "🆙", "cool": "🆒", "one": "1️⃣", "two": "2️⃣", "three": "3️⃣", "four": "4️⃣", "five": "5️⃣", "six": "6️⃣",
    "seven": "7️⃣", "eight": "8️⃣", "nine": "9️⃣", "keycap_ten": "🔟", "zero": "0️⃣", "hash": "#️⃣", "leftwards_arrow_with_hook": "↩️",
    "arrows_counterclockwise": "🔄", "arrow_upper_right": "↗️", "arrow_lower_right": "↘️", "rewind": "⏪", "black_square_for_stop": "⏹️",
    "large_green_square": "🟩", "large_yellow_square": "🟨", "large_orange_square": "🟧", "large_red_square": "🟥", "large_purple_circle": "🟣",
    "clock3": "🕒", "clock9": "🕘", "clock10": "🕙", "watch": "⌚", "round_pushpin": "📍",
    "technologist": "🧑‍💻", "detective": "🕵️", "ghost": "👻", "skull": "💀", "alien": "👽", "clown_face": "🤡",
}  # fmt: skip
SHORTCODE = re.compile(r":([a-z0-9_+-]+):")


def with_emoji(text: str) -> str:
    return SHORTCODE.sub(lambda match: EMOJI.get(match.group(1), match.group(0)), text)
