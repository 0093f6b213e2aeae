"""An SVG as PNG, by resvg."""

from __future__ import annotations

import glob

_FONTS = ("/usr/share/fonts/**/DejaVuSans.ttf", "/usr/share/fonts/**/DejaVuSans-Bold.ttf", "/usr/share/fonts/**/Verdana*.ttf",
          "/usr/share/fonts/**/LiberationSans-Regular.ttf", "/usr/share/fonts/**/*Sans-Regular.ttf")


def convert(svg: str) -> tuple[bytes | None, str]:
    """(the PNG, "") or (None, why there is none)."""
    try:
        import resvg_py
    except ImportError:
        return None, "resvg-py is not installed (pip install 'tephra[bench]')"
    fonts = [file for pattern in _FONTS for file in glob.glob(pattern, recursive=True)]
    if not fonts:
        return None, "there are no fonts on this machine (Debian: apt install fonts-dejavu-core)"
    try:
        data = resvg_py.svg_to_bytes(svg_string=svg, zoom=2, font_files=fonts, font_family="DejaVu Sans")
    except Exception as error:
        return None, f"resvg-py failed: {error}"
    return bytes(data), ""
