"""What cameras, scanners and messengers do to a page: UINT8 [h, w, 3] in, UINT8 [h, w, 3] out."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Degrade = Callable[[np.ndarray, np.random.Generator], np.ndarray]

Array = np.ndarray


def _bytes(pixels: Array) -> Array:
    return np.asarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def chain(*steps: Degrade) -> Degrade:
    """One after another."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        for step in steps:
            page = step(page, rng)
        return page

    return run


def scaled(x: float, y: float | None = None) -> Degrade:
    """Another size, of either axis."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        size = (round(page.shape[1] * x), round(page.shape[0] * (x if y is None else y)))
        method = cv2.INTER_AREA if min(x, y or x) < 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(page, size, interpolation=method))

    return run


def blurred(sigma: float) -> Degrade:
    """Out of focus."""
    return lambda page, rng: np.asarray(cv2.GaussianBlur(page, (0, 0), sigma))


def moved(length: int, degrees: float = 0.0) -> Degrade:
    """The camera moved along a line."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        level = np.zeros((length, length), np.float32)
        level[length // 2] = 1 / length
        turn = cv2.getRotationMatrix2D((length // 2, length // 2), degrees, 1)
        kernel = np.asarray(cv2.warpAffine(level, turn, (length, length)))
        return np.asarray(cv2.filter2D(page, -1, kernel / kernel.sum()))

    return run


def jpeg(quality: int) -> Degrade:
    """Compressed with loss, and read again."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        return np.asarray(cv2.imdecode(cv2.imencode(".jpg", page, options)[1], cv2.IMREAD_COLOR))

    return run


def noisy(sigma: float) -> Degrade:
    """Grain."""
    return lambda page, rng: _bytes(page + rng.normal(0, sigma, page.shape))


def peppered(share: float) -> Degrade:
    """Single black and white pixels."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        page, dice = page.copy(), rng.random(page.shape[:2])
        page[dice < share / 2] = 0
        page[dice > 1 - share / 2] = 255
        return page

    return run


def contrast(low: int, high: int) -> Degrade:
    """Black and white drawn together to two greys."""
    return lambda page, rng: _bytes(low + page.astype(np.float32) * ((high - low) / 255))


def _white(page: Array) -> tuple[int, int, int]:
    edge = np.median(np.concatenate((page[0], page[-1])), axis=0)
    return int(edge[0]), int(edge[1]), int(edge[2])


def turned(degrees: float) -> Degrade:
    """By quarters without loss, by other angles on a larger page."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        if degrees % 90 == 0:
            return np.ascontiguousarray(np.rot90(page, round(degrees / 90)))
        height, width = page.shape[:2]
        matrix = np.asarray(
            cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1), np.float64
        )
        cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
        size = (round(width * cosine + height * sine), round(width * sine + height * cosine))
        matrix[:, 2] += np.array(size) / 2 - np.array((width, height)) / 2
        turned = cv2.warpAffine(page, matrix, size, flags=cv2.INTER_CUBIC, borderValue=_white(page))
        return np.asarray(turned)

    return run


def oblique(share: float) -> Degrade:
    """Seen from the side: the right edge is shorter by twice this share of the height."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        height, width = page.shape[:2]
        near = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32)
        far = near.copy()
        far[1] += (-width * share / 2, height * share)
        far[2] += (-width * share / 2, -height * share)
        matrix = cv2.getPerspectiveTransform(near, far)
        return np.asarray(
            cv2.warpPerspective(
                page, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=_white(page)
            )
        )

    return run


def _remapped(page: Array, x: Array, y: Array) -> Array:
    return np.asarray(
        cv2.remap(
            page,
            x.astype(np.float32),
            y.astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_white(page),
        )
    )


def curved(amplitude: float, waves: float = 0.5) -> Degrade:
    """Lines run along a wave, as on an open book."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        pad = round(abs(amplitude)) + 2
        page = cv2.copyMakeBorder(page, pad, pad, 0, 0, cv2.BORDER_REPLICATE)
        y, x = np.mgrid[: page.shape[0], : page.shape[1]]
        return _remapped(page, x, y + amplitude * np.sin(2 * np.pi * waves * x / page.shape[1]))

    return run


def barrel(strength: float) -> Degrade:
    """A wide lens."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        height, width = page.shape[:2]
        y, x = np.mgrid[:height, :width]
        u, v = (x - width / 2) / (width / 2), (y - height / 2) / (width / 2)
        factor = 1 + strength * (u * u + v * v)
        return _remapped(page, width / 2 * (1 + u * factor), height / 2 + width / 2 * v * factor)

    return run


def _lit(page: Array, light: Array) -> Array:
    return _bytes(page.astype(np.float32) * light[..., None])


def shadowed(depth: float = 0.55) -> Degrade:
    """A hand's soft shadow across a corner."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        height, width = page.shape[:2]
        y, x = np.mgrid[:height, :width]
        edge = (x / width * 0.8 + y / height * 0.6) - 0.7
        return _lit(page, 1 - depth / (1 + np.exp(-edge * 40)))

    return run


def uneven(low: float = 0.35) -> Degrade:
    """Light that falls off to one side."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        x = np.linspace(1, low, page.shape[1])
        return _lit(page, np.tile(x, (page.shape[0], 1)))

    return run


def glare(page: Array, rng: np.random.Generator) -> Array:
    """A lamp's bright spot."""
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width]
    spot = np.exp(-(((x - width * 0.6) / 120) ** 2) - ((y - height * 0.4) / 60) ** 2)
    return _bytes(page + 170 * spot[..., None])


def fold(page: Array, rng: np.random.Generator) -> Array:
    """Creases, dark at one side and light at the other."""
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width]
    light = np.ones((height, width))
    for place in (0.33, 0.66):
        distance = x - width * place + (y - height / 2) * 0.05
        light += 0.25 * np.sign(distance) * np.exp(-np.abs(distance) / 25)
    return _lit(page, light)


def gutter(page: Array, rng: np.random.Generator) -> Array:
    """An open book: dark and bent towards its spine at the left."""
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width]
    bent = _remapped(page, x, y + 26 * np.exp(-x / 90) * (0.5 - y / height) * 2)
    return _lit(bent, 1 - 0.6 * np.exp(-x / 70))


def paper(page: Array, rng: np.random.Generator) -> Array:
    """Coarse, yellow paper."""
    grain = rng.normal(0, 1, page.shape[:2]).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 1.5) * 40 + cv2.GaussianBlur(grain, (0, 0), 12) * 150
    tint = np.array((170, 215, 235)) / 255
    return _bytes((page * tint) + grain[..., None])


def two_level(threshold: int = 140) -> Degrade:
    """Black and white alone."""

    def run(page: Array, rng: np.random.Generator) -> Array:
        grey = cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
        return np.repeat(np.where(grey < threshold, 0, 255).astype(np.uint8)[..., None], 3, 2)

    return run


def fax(page: Array, rng: np.random.Generator) -> Array:
    """Half the rows, two levels."""
    height, width = page.shape[:2]
    half = cv2.resize(page, (width, height // 2), interpolation=cv2.INTER_AREA)
    half = two_level(150)(half, rng)
    return np.asarray(cv2.resize(half, (width, height), interpolation=cv2.INTER_NEAREST))


def dithered(page: Array, rng: np.random.Generator) -> Array:
    """Greys as a pattern of dots."""
    tile = np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))) * 16 + 8
    grey = cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    rows, columns = (-(-side // 4) for side in grey.shape)
    pattern = np.tile(tile, (rows, columns))[: grey.shape[0], : grey.shape[1]]
    return np.repeat(np.where(grey > pattern, 255, 0).astype(np.uint8)[..., None], 3, 2)


def thick(page: Array, rng: np.random.Generator) -> Array:
    """A copy of a copy: strokes run."""
    return np.asarray(cv2.erode(page, np.ones((2, 2), np.uint8)))


def thin(page: Array, rng: np.random.Generator) -> Array:
    """A copy that is too light: strokes break."""
    return np.asarray(cv2.dilate(page, np.ones((2, 2), np.uint8)))


def bleeding(page: Array, rng: np.random.Generator) -> Array:
    """The other side of thin paper shows through."""
    back = cv2.GaussianBlur(page[:, ::-1], (0, 0), 1.5)
    back = np.roll(back, 11, 0)
    return _bytes(page.astype(np.float32) - (255 - back.astype(np.float32)) * 0.25)


def moire(page: Array, rng: np.random.Generator) -> Array:
    """A photo of a screen: its grid shows."""
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width]
    waves = np.sin(x * 2.1 + y * 0.13) * np.sin(y * 1.9 - x * 0.11)
    return _bytes(page.astype(np.float32) * 0.85 + 18 + 22 * waves[..., None])


def sharpened(page: Array, rng: np.random.Generator) -> Array:
    """Sharpened too much: edges have halos."""
    soft = cv2.GaussianBlur(page, (0, 0), 1.6).astype(np.float32)
    return _bytes(page + 2.5 * (page - soft))


def specks(page: Array, rng: np.random.Generator) -> Array:
    """Dust and hairs on the glass."""
    page = page.copy()
    height, width = page.shape[:2]
    for _ in range(90):
        place = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(page, place, int(rng.integers(1, 3)), (60, 60, 60), -1, cv2.LINE_AA)
    for _ in range(6):
        start = rng.integers(0, (width, height))
        points = start + np.cumsum(rng.normal(0, 9, (12, 2)), axis=0)
        cv2.polylines(page, [points.astype(np.int32)], False, (90, 90, 90), 1, cv2.LINE_AA)
    return page


def pen_line(page: Array, rng: np.random.Generator) -> Array:
    """A pen's mark across the page."""
    page = page.copy()
    height, width = page.shape[:2]
    cv2.line(page, (20, height // 3), (width - 20, height // 2), (180, 60, 30), 2, cv2.LINE_AA)
    return page


def inverted(page: Array, rng: np.random.Generator) -> Array:
    """A negative."""
    return np.asarray(255 - page)


def dim(page: Array, rng: np.random.Generator) -> Array:
    """A dark photo: little light, much grain."""
    return _bytes(page.astype(np.float32) * 0.18 + rng.normal(8, 5, page.shape))


def crumpled(page: Array, rng: np.random.Generator) -> Array:
    """Paper that was a ball."""
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width]
    hills = [
        cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 22)
        for _ in range(2)
    ]
    hills = [hill / np.abs(hill).max() for hill in hills]
    return _lit(_remapped(page, x + 5 * hills[0], y + 5 * hills[1]), 0.85 + 0.3 * hills[0])


def on_a_desk(page: Array, rng: np.random.Generator) -> Array:
    """The page is smaller than the photo; wood is around it."""
    height, width = page.shape[:2]
    desk = np.full((height + 160, width + 200, 3), (60, 90, 130), np.float32)
    grain = rng.normal(0, 1, (desk.shape[0], 1)).astype(np.float32)
    desk += cv2.GaussianBlur(grain, (0, 0), 2)[..., None] * 30
    desk[80 : 80 + height, 100 : 100 + width] = page
    return _bytes(desk)


def photo(strength: float) -> Degrade:
    """A phone's picture: oblique, shaded, soft, grainy, compressed."""
    return chain(
        oblique(0.05 * strength),
        turned(1.5 * strength),
        shadowed(0.4),
        blurred(0.6 * strength),
        noisy(5 * strength),
        jpeg(round(80 / strength)),
    )


MESSENGER = chain(scaled(0.7), jpeg(30))
"""Made smaller and compressed on its way."""
