"""How fluid the page of a map is: milliseconds a frame, in a headless browser, while it is dragged and zoomed.

    pip install playwright; python benchmarks/map_page.py [--browser /usr/bin/chromium] [--quick]

Points are a random mixture, keys random words, coloured by 30 groups. The page draws by WebGL where a graphics card
computes it, else by its own script on a 2-D canvas. On a machine without a card, what is told as `webgl` is computed in
software, which the page refuses unless it is made to: it shows why it does. Frames are not held back to the screen's
rate, and each is waited for. A run is 60 frames of each movement; five runs, of which the median is told. Writes
results/map_page.json.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from harness import machine, write

import nearfield as nf
from nearfield.space.faithfulness import Faithfulness

_COUNTS = (5_000, 50_000, 200_000)
_RUNS = 5
_FREE = ("--disable-gpu-vsync", "--disable-frame-rate-limit")
_PAINTERS = {
    "webgl": ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    "canvas": ("--disable-3d-apis",),
}
_FORCE = """const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, options) {
  return original.call(this, kind, { ...options, failIfMajorPerformanceCaveat: false });
};"""
_FRAMES = """(kind) => new Promise((done) => {
  const canvas = document.getElementById("points"), gl = canvas.getContext("webgl");
  const times = [], pixel = new Uint8Array(4);
  const at = { clientX: 500, clientY: 400, bubbles: true, cancelable: true };
  let n = 0, last = 0;
  const step = () => {
    // The page has drawn in this frame; reading a pixel waits until WebGL has done so too.
    gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    const now = performance.now();
    if (n > 2) times.push(now - last);
    last = now;
    if (++n > 63) return done(times);
    if (kind === "zoom") canvas.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: n <= 32 ? -60 : 60 }));
    else canvas.dispatchEvent(new KeyboardEvent("keydown", { key: n & 4 ? "ArrowLeft" : "ArrowRight", bubbles: true }));
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def make_page(count: int, path: Path) -> None:
    generator = np.random.default_rng(0)
    group = generator.integers(30, size=count)
    points = generator.normal(size=(30, 2))[group] * 4 + generator.normal(size=(count, 2))
    letters = generator.integers(97, 123, size=(count, 8), dtype=np.uint8)
    keys = nf.Space([f"{row.tobytes().decode()}{i}" for i, row in enumerate(letters)], points).keys
    # What is measured is the page, so how faithful the map is was not measured.
    faithful = Faithfulness(1.0, 1.0, 1.0, 15 / count, 15, 1)
    projection = nf.Projection(keys, points.astype(np.float32), "pca", None, 2, 0, 1.0, faithful)
    projection.export(path, colours={key: f"group {number}" for key, number in zip(keys, group, strict=True)})


def look(playwright: Any, browser: str, painter: str, page: Path) -> dict[str, float]:
    """Open the page once, and take the median frame of each movement."""
    opened = playwright.chromium.launch(executable_path=browser, args=[*_PAINTERS[painter], *_FREE])
    tab = opened.new_page(viewport={"width": 1280, "height": 800})
    if painter == "webgl":
        tab.add_init_script(_FORCE)
    start = time.perf_counter()
    tab.goto(page.as_uri())
    tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found = {"ready_ms": (time.perf_counter() - start) * 1000}
    has_webgl = tab.evaluate("() => document.getElementById('points').getContext('webgl') !== null")
    if has_webgl != (painter == "webgl"):
        raise SystemExit(f"the browser was to draw by {painter} and did not")
    for kind in ("zoom", "pan"):
        found[f"{kind}_ms"] = statistics.median(tab.evaluate(_FRAMES, kind))
    opened.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--browser", default="/usr/bin/chromium")
    parser.add_argument("--quick", action="store_true", help="one run, 50,000 points; writes nothing")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    results = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for count in (50_000,) if options.quick else _COUNTS:
            page = Path(folder) / f"{count}.html"
            make_page(count, page)
            for painter in _PAINTERS:
                runs = [look(playwright, options.browser, painter, page) for _ in range(1 if options.quick else _RUNS)]
                medians = {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
                results.append({"points": count, "painter": painter, "page_bytes": page.stat().st_size, **medians})
                results[-1]["runs"] = runs
                print({key: value for key, value in results[-1].items() if key != "runs"}, flush=True)
    if not options.quick:
        print(write("map_page", {"machine": machine("playwright"), "results": results}))


if __name__ == "__main__":
    main()
