"""Text in lines of a given width."""


def wrap(text, width):
    """The words of `text` in lines of at most `width`."""
    lines = []
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = ""
        line = line + " " + word if line else word[:width]
    return lines + [line]
