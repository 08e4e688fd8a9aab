"""Paints a sign and puts it into a scene that could be a street: sky, walls, road, clutter, perspective, blur, noise."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

_FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
# Script -> file names by preference, with the face inside a collection.
_FONTS: dict[str, tuple[tuple[str, int], ...]] = {
    "Latin": (("DejaVuSans-Bold.ttf", 0), ("NotoSans-Bold.ttf", 0), ("LiberationSansNarrow-Bold.ttf", 0), ("DejaVuSerif.ttf", 0)),
    "Arabic": (("NotoNaskhArabic-Bold.ttf", 0), ("NotoSansArabic-Bold.ttf", 0), ("NotoKufiArabic-Regular.ttf", 0)),
    "Thai": (("NotoSansThai-Bold.ttf", 0), ("NotoLoopedThai-Bold.ttf", 0)),
    "Hangul": (("NotoSansCJK-Bold.ttc", 1), ("NotoSerifCJK-Bold.ttc", 1)),
    "Japanese": (("NotoSansCJK-Bold.ttc", 0), ("NotoSerifCJK-Bold.ttc", 0)),
    "Chinese": (("NotoSansCJK-Bold.ttc", 2), ("NotoSerifCJK-Bold.ttc", 2)),
    "Devanagari": (("NotoSansDevanagari-Bold.ttf", 0), ("NotoSerifDevanagari-Bold.ttf", 0)),
    "Georgian": (("NotoSansGeorgian-Bold.ttf", 0), ("NotoSerifGeorgian-Bold.ttf", 0), ("DejaVuSans-Bold.ttf", 0)),
    "Armenian": (("NotoSansArmenian-Bold.ttf", 0), ("NotoSerifArmenian-Bold.ttf", 0), ("DejaVuSans-Bold.ttf", 0)),
    "Bengali": (("NotoSansBengali-Bold.ttf", 0), ("NotoSerifBengali-Bold.ttf", 0)),
    "Hebrew": (("NotoSansHebrew-Bold.ttf", 0), ("DejaVuSans-Bold.ttf", 0)),
}
_WIDE = ("DejaVuSans-Bold.ttf", "NotoSans-Bold.ttf")  # have Cyrillic, Greek, Vietnamese and currency signs
_NEEDS_SHAPING = frozenset({"Arabic", "Bengali", "Devanagari", "Thai"})


@dataclass(frozen=True)
class Style:
    """Colours of a sign."""

    ground: tuple[int, int, int]
    ink: tuple[int, int, int]


STYLES = {
    "shop": (Style((250, 248, 240), (30, 30, 40)), Style((20, 90, 60), (255, 255, 250)), Style((200, 30, 40), (255, 250, 240))),
    "street": (Style((20, 50, 130), (255, 255, 255)), Style((245, 245, 240), (20, 20, 25))),
    "road": (Style((0, 100, 70), (255, 255, 255)), Style((10, 70, 160), (255, 255, 255)), Style((250, 250, 250), (10, 10, 10))),
    "phone": (Style((255, 220, 40), (20, 20, 20)), Style((240, 240, 235), (150, 20, 30))),
    "web": (Style((60, 40, 90), (250, 250, 250)), Style((240, 236, 225), (20, 60, 110))),
}


@cache
def _font_files() -> dict[str, str]:
    folders = [Path(folder).expanduser() for folder in _FONT_FOLDERS]
    return {path.name: str(path) for folder in folders if folder.is_dir() for path in sorted(folder.rglob("*.tt[fc]"))}


def fonts_of(script: str) -> list[tuple[str, int]]:
    """Installed font files (path, face) that can write `script`; none where it cannot be drawn here."""
    if script in _NEEDS_SHAPING and not features.check("raqm"):
        return []
    files = _font_files()
    names = tuple((name, 0) for name in _WIDE) if script in {"Cyrillic", "Greek"} else _FONTS.get(script, ())
    return [(files[name], face) for name, face in names if name in files]


def paint_sign(lines: list[tuple[str, float]], script: str, text_px: float, style: Style, rng: random.Random) -> Image.Image:
    """A flat sign, RGB. `lines` are texts with their size relative to `text_px`, the height of a line's letters in pixels."""
    own, wide = rng.choice(fonts_of(script)), next((font for font in fonts_of("Cyrillic")), None)
    drawn = [_line(text, size * text_px, wide if wide and is_plain(text, script) else own, style) for text, size in lines]
    gap, margin = round(0.5 * text_px), round(0.9 * text_px)
    width = max(line.width for line in drawn) + 2 * margin
    sign = Image.new("RGB", (width, sum(line.height for line in drawn) + gap * (len(drawn) - 1) + 2 * margin), style.ground)
    top = margin
    left_bound = rng.random() < 0.4
    for line in drawn:
        sign.paste(line, (margin if left_bound else (width - line.width) // 2, top))
        top += line.height + gap
    frame = max(1, round(text_px / 12))
    ImageDraw.Draw(sign).rectangle((0, 0, sign.width - 1, sign.height - 1), outline=style.ink, width=frame)
    return sign


def is_plain(text: str, script: str) -> bool:
    """Whether a line is written with the wide font: numbers, addresses and names in Latin letters on signs of other scripts."""
    if script == "Latin":
        return not all(ord(c) < 0x180 for c in text)
    return all(ord(c) < 0x250 or 0x20A0 <= ord(c) < 0x20C0 for c in text)


def _line(text: str, height_px: float, font: tuple[str, int], style: Style) -> Image.Image:
    face = ImageFont.truetype(font[0], max(6, round(height_px * 1.35)), index=font[1])
    left, top, right, bottom = face.getbbox(text)
    picture = Image.new("RGB", (max(1, int(right - left)) + 2, max(1, int(bottom - top)) + 2), style.ground)
    ImageDraw.Draw(picture).text((1 - left, 1 - top), text, font=face, fill=style.ink)
    return picture


def paint_scene(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A cluttered street of `size` (width, height): sky, two rows of walls with windows, a road, leaves."""
    width, height = size
    horizon = round(height * rng.uniform(0.35, 0.6))
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    sky = np.array([rng.randint(120, 190), rng.randint(160, 205), rng.randint(200, 250)], dtype=np.float32)
    road = np.float32(rng.randint(70, 130))
    column = np.where(rows * height < horizon, sky + 40 * rows, road + 50 * (rows - 0.5) * np.ones(3, dtype=np.float32))
    scene = Image.fromarray(np.broadcast_to(column[:, None].clip(0, 255).astype(np.uint8), (height, width, 3)).copy())
    draw = ImageDraw.Draw(scene)
    for side in (0, 1):
        edge = 0 if side == 0 else width
        while 0 <= edge <= width:
            wide = round(width * rng.uniform(0.1, 0.25))
            left, right = (edge, edge + wide) if side == 0 else (edge - wide, edge)
            _wall(draw, (left, round(horizon * rng.uniform(0.2, 0.9)), right, round(height * rng.uniform(0.6, 0.75))), rng)
            edge = right if side == 0 else left
            if rng.random() < 0.35:
                break
    for _ in range(rng.randint(3, 9)):
        _tree(draw, (rng.uniform(0, width), rng.uniform(0.3, 0.75) * height), rng.uniform(0.02, 0.07) * width, rng)
    return _textured(scene.filter(ImageFilter.GaussianBlur(width / rng.uniform(500, 900))), rng)


def _wall(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], rng: random.Random) -> None:
    """A house front. Its windows are few and uneven: rows of equal small ones look like writing, to readers as to people."""
    left, top, right, bottom = box
    base = rng.randint(110, 210)
    draw.rectangle(box, fill=(base, base - rng.randint(0, 30), base - rng.randint(10, 60)))
    step = max(24, (right - left) // rng.randint(2, 3))
    for x in range(left + step // 4, right - step // 2, step):
        for y in range(top + step // 4, bottom - step // 2, round(step * rng.uniform(1.1, 1.6))):
            if rng.random() < 0.75:
                shade, wide, tall = rng.randint(50, 120), step * rng.uniform(0.3, 0.6), step * rng.uniform(0.5, 0.9)
                draw.rectangle((x, y, x + wide, y + tall), fill=(shade, shade + 5, shade + 12), outline=(base - 30,) * 3)


def _tree(draw: ImageDraw.ImageDraw, crown: tuple[float, float], radius: float, rng: random.Random) -> None:
    x, y = crown
    draw.line((x, y, x, y + 3 * radius), fill=(70, 55, 40), width=max(2, round(radius / 4)))
    for _ in range(25):
        dx, dy, r = rng.gauss(0, radius / 2), rng.gauss(0, radius / 2), radius * rng.uniform(0.2, 0.5)
        shade = rng.randint(-20, 25)
        draw.ellipse((x + dx - r, y + dy - r, x + dx + r, y + dy + r), fill=(50 + shade, 85 + shade, 40 + shade // 2))


def _textured(scene: Image.Image, rng: random.Random) -> Image.Image:
    """The scene with unevenness at every scale, as plaster, asphalt and foliage have it."""
    noise = np.random.default_rng(rng.getrandbits(32))
    texture = np.zeros((scene.height, scene.width), dtype=np.float32)
    for cells in (6, 24, 96, 384):
        coarse = Image.fromarray(noise.normal(0.0, 5.0, (cells, cells)).astype(np.float32))
        texture += np.asarray(coarse.resize(scene.size, Image.Resampling.BICUBIC))
    return Image.fromarray((np.asarray(scene, dtype=np.float32) + texture[:, :, None]).clip(0, 255).astype(np.uint8))


def hang(sign: Image.Image, scene: Image.Image, rng: random.Random) -> None:
    """Put the sign into the scene, seen a little from the side, with a shade around it and a pole now and then."""
    width, height = sign.size
    room = min(0.92 * scene.width / width, 0.8 * scene.height / height, 1.0)
    if room < 1.0:
        sign = sign.resize((max(1, int(width * room)), max(1, int(height * room))), Image.Resampling.LANCZOS)
        width, height = sign.size
    skew = [rng.uniform(0, 0.05) for _ in range(8)]
    corners = [(skew[0] * width, skew[1] * height), (width * (1 - skew[2]), skew[3] * height),
               (width * (1 - skew[4]), height * (1 - skew[5])), (skew[6] * width, height * (1 - skew[7]))]  # fmt: skip
    warp = perspective(corners, [(0, 0), (width, 0), (width, height), (0, height)])
    bent = sign.transform(sign.size, Image.Transform.PERSPECTIVE, warp, Image.Resampling.BICUBIC)
    mask = Image.new("L", sign.size, 255).transform(sign.size, Image.Transform.PERSPECTIVE, warp, Image.Resampling.BILINEAR)
    x = rng.randint(0, scene.width - width)
    y = rng.randint(0, max(0, min(scene.height - height, round(scene.height * 0.6))))
    if rng.random() < 0.5:
        pole = max(3, height // 14)
        ImageDraw.Draw(scene).rectangle(
            (x + width // 2 - pole, y + height // 2, x + width // 2 + pole, scene.height), fill=(90, 92, 95)
        )
    scene.paste(bent, (x, y), mask)


def perspective(target: list[tuple[float, float]], source: list[tuple[float, float]]) -> list[float]:
    """The eight coefficients with which Pillow takes each point of `target` from its point of `source`."""
    rows, right = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(rows), np.array(right))]


def photograph(scene: Image.Image, blur_px: float, rng: random.Random) -> Image.Image:
    """The scene as a camera gives it: light, blur, grain."""
    noise = np.random.default_rng(rng.getrandbits(32))
    pixels = np.asarray(scene.filter(ImageFilter.GaussianBlur(blur_px)) if blur_px > 0 else scene, dtype=np.int16)
    grain = noise.integers(-6, 7, size=(scene.height, scene.width, 1), dtype=np.int16)
    light = noise.uniform(0.85, 1.1)
    return Image.fromarray((pixels * np.float32(light) + grain).clip(0, 255).astype(np.uint8))
