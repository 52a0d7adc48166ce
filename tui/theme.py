"""The console's two themes. What a colour says is always said by a sign or a word as well."""

from textual.theme import Theme

DARK = Theme(
    name="syncflow-dark",
    primary="#5fafff",
    secondary="#87afd7",
    accent="#ffaf5f",
    success="#5fd787",
    warning="#ffd75f",
    error="#ff6f6f",
    foreground="#d7d7d7",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    dark=True,
    variables={"footer-key-foreground": "#ffaf5f", "border-blurred": "#444444"},
)
LIGHT = Theme(
    name="syncflow-light",
    primary="#005faf",
    secondary="#00557f",
    accent="#af5f00",
    success="#006f2f",
    warning="#875f00",
    error="#af0000",
    foreground="#1c1c1c",
    background="#ffffff",
    surface="#f2f2f2",
    panel="#e4e4e4",
    dark=False,
    variables={"footer-key-foreground": "#af5f00", "border-blurred": "#bcbcbc"},
)
THEMES = (DARK, LIGHT)
