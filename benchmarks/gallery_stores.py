"""Stores of a gallery against each other: `python benchmarks/gallery_stores.py --n 200000 --dim 512`.

Unit vectors like those of an encoder: 3,000 clusters in 48 latent dimensions plus noise. Each cluster is at one place of one of 200 countries,
so that a country keeps about 0.5 % of the rows, and a circle about 0.8 %; queries come from any cluster, so that most ask a country that does
not look like them. Every store is built in one process and asked in a fresh one with one thread, one query at a time. Queries a second are
counted by CPU time (all threads) and by the clock; recall is against exact search over the float32 vectors. Data and stores are kept in `--work`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from geo.sphere import EARTH_RADIUS_KM, destination, haversine_km, lat_lon
from models.gallery.gallery import Circle, Gallery, Row, Where

STORES = ("numpy", "flat", "lance", "faiss")
K, CLUSTERS, LATENT, COUNTRIES, BATCH, BLOCK = 10, 3000, 48, 200, 64, 8192
CIRCLE = Circle(46.0, 8.0, EARTH_RADIUS_KM * math.acos(1 - 2 * 0.008))
WHERES = {"all": None, "country": Where(countries=frozenset({"AA"})), "circle": Where(circle=CIRCLE)}
HNSW_LINKS, EF_CONSTRUCTION, EF_SEARCH = 32, 60, 128


class Data(NamedTuple):
    vectors: np.ndarray
    queries: np.ndarray
    lat: np.ndarray
    lon: np.ndarray
    country: np.ndarray


class Asked(Protocol):
    """A store that was opened: rows [k] of the data for one query."""

    def __call__(self, query: np.ndarray, where: str) -> list[int]: ...


# -- the data ----------------------------------------------------------------------------------------------------------------------------


def make_data(work: Path, n: int, dim: int, queries: int, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CLUSTERS, LATENT))
    spread = np.linalg.qr(rng.standard_normal((dim, min(LATENT, dim))))[0].T
    place = np.stack(lat_lon(rng.standard_normal((CLUSTERS, 3))), axis=-1)
    vectors = np.lib.format.open_memmap(work / "vectors.part.npy", mode="w+", dtype=np.float32, shape=(n, dim))
    cluster = rng.integers(0, CLUSTERS, n)

    def drawn(of: np.ndarray) -> np.ndarray:
        latent = centres[of] + 0.6 * rng.standard_normal((len(of), LATENT))
        full = latent[:, : len(spread)] @ spread + 2.0 * rng.standard_normal((len(of), dim)) / math.sqrt(dim)
        return (full / np.linalg.norm(full, axis=1, keepdims=True)).astype(np.float32)

    for start in range(0, n, BLOCK):
        vectors[start : start + BLOCK] = drawn(cluster[start : start + BLOCK])
    vectors.flush()
    lat, lon = destination(place[cluster, 0], place[cluster, 1], rng.uniform(0, 360, n), 50 * rng.random(n))
    np.savez(work / "rest.npz", queries=drawn(rng.integers(0, CLUSTERS, queries)), lat=lat, lon=lon, country=cluster % COUNTRIES)
    (work / "vectors.part.npy").rename(work / "vectors.npy")


def load_data(work: Path) -> Data:
    with np.load(work / "rest.npz") as rest:
        return Data(np.load(work / "vectors.npy", mmap_mode="r"), rest["queries"], rest["lat"], rest["lon"], rest["country"])


def code(number: int) -> str:
    return chr(65 + number // 26) + chr(65 + number % 26)


def kept(data: Data, where: str) -> np.ndarray | None:
    """Rows that a filter keeps, or None for all."""
    if where == "country":
        return np.flatnonzero(data.country == 0)
    if where == "circle":
        return np.flatnonzero(haversine_km(CIRCLE.lat, CIRCLE.lon, data.lat, data.lon) <= CIRCLE.radius_km)
    return None


def rows_of(data: Data) -> Iterator[tuple[list[Row], np.ndarray]]:
    for start in range(0, len(data.vectors), BLOCK):
        batch = range(start, min(start + BLOCK, len(data.vectors)))
        yield (
            [
                Row(f"p{i}", float(data.lat[i]), float(data.lon[i]), code(int(data.country[i])), "Region", "City", "2019-07-04", "bench",
                    "CC-BY-4.0", "somebody", f"pictures/{i}.jpg")
                for i in batch
            ],
            np.asarray(data.vectors[start : batch.stop]),
        )  # fmt: skip


# -- the stores --------------------------------------------------------------------------------------------------------------------------


def gallery_of(name: str, folder: Path, dim: int, create: bool) -> Gallery:
    if name == "lance":
        from models.gallery.lance import LanceGallery

        return LanceGallery(str(folder), dim=dim, create=create, read_only=not create)
    from models.gallery.flat import FlatGallery

    return FlatGallery(folder, dim=dim, create=create, read_only=not create)


def build(name: str, data: Data, folder: Path) -> None:
    if name == "numpy":
        np.save(folder / "vectors.npy", data.vectors)
    elif name == "faiss":
        import faiss

        faiss.omp_set_num_threads(1)
        index = faiss.IndexHNSWFlat(data.vectors.shape[1], HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = EF_CONSTRUCTION
        for start in range(0, len(data.vectors), BLOCK):
            index.add(np.ascontiguousarray(data.vectors[start : start + BLOCK]))
            if start // BLOCK % 8 == 0:
                log(f"faiss: {start:,} rows, {time.process_time():.0f} s of CPU")
        faiss.write_index(index, str(folder / "index.faiss"))
    else:
        gallery = gallery_of(name, folder / "gallery", data.vectors.shape[1], create=True)
        for rows, vectors in rows_of(data):
            gallery.add(rows, vectors)
        log(f"{name}: rows are in, {time.process_time():.0f} s of CPU")
        gallery.close()


def opened(name: str, data: Data, folder: Path) -> Asked:
    if name == "numpy":
        return asked_numpy(np.load(folder / "vectors.npy"), data)
    if name == "faiss":
        return asked_faiss(folder, data)
    gallery = gallery_of(name, folder / "gallery", data.queries.shape[1], create=False)

    def asked(query: np.ndarray, where: str) -> list[int]:
        return [int(hit.row.id[1:]) for hit in gallery.search(query[None], K, WHERES[where])[0]]

    return asked


def asked_numpy(vectors: np.ndarray, data: Data) -> Asked:
    """Exact, float32, in memory; a filter slices first, and is evaluated for each query."""

    def asked(query: np.ndarray, where: str) -> list[int]:
        rows = kept(data, where)
        scores = (vectors if rows is None else vectors[rows]) @ query
        top = np.argpartition(-scores, K)[:K] if len(scores) > K else np.arange(len(scores))
        top = top[np.argsort(-scores[top])]
        return (top if rows is None else rows[top]).tolist()

    return asked


def asked_faiss(folder: Path, data: Data) -> Asked:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.read_index(str(folder / "index.faiss"))

    def asked(query: np.ndarray, where: str) -> list[int]:
        rows = kept(data, where)
        if rows is None:
            parameters = faiss.SearchParametersHNSW(efSearch=EF_SEARCH)
        else:
            held = np.zeros(len(data.lat), dtype=bool)
            held[rows] = True
            bits = np.packbits(held, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
            parameters = faiss.SearchParametersHNSW(sel=selector, efSearch=EF_SEARCH)
        return [i for i in index.search(query[None], K, params=parameters)[1][0].tolist() if i >= 0]

    return asked


# -- one store in one process ------------------------------------------------------------------------------------------------------------


def log(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def memory_mb() -> float:
    """Most memory that this process has held; mapped pages of files count."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def phase_build(name: str, work: Path) -> dict[str, float]:
    data, folder = load_data(work), work / name
    folder.mkdir(exist_ok=True)
    wall, cpu = time.perf_counter(), time.process_time()
    build(name, data, folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"build_s": time.perf_counter() - wall, "build_cpu_s": time.process_time() - cpu, "disk_mb": size / 1e6,
            "build_rss_mb": memory_mb()}  # fmt: skip


def phase_ask(name: str, work: Path) -> dict[str, float]:
    data = load_data(work)
    wall = time.perf_counter()
    asked = opened(name, data, work / name)
    open_s = time.perf_counter() - wall
    asked(data.queries[0], "all")
    told = {"open_s": open_s, "first_answer_s": time.perf_counter() - wall}
    for where in WHERES:
        for query in data.queries[:3]:
            asked(query, where)
        told |= measured(asked, data.queries, where, truth(work, where))
    return told | {"ask_rss_mb": memory_mb()}


def measured(asked: Asked, queries: np.ndarray, where: str, right: np.ndarray) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = [asked(query, where) for query in queries]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    recall = np.mean([len(set(a) & set(b[b >= 0].tolist())) / max(1, np.sum(b >= 0)) for a, b in zip(found, right, strict=True)])
    return {f"{where}_recall": float(recall), f"{where}_qps_cpu": len(queries) / cpu, f"{where}_qps_wall": len(queries) / wall}


def truth(work: Path, where: str) -> np.ndarray:
    """Exact neighbours [q, K] by blocks; -1 where a filter keeps fewer."""
    path = work / f"truth_{where}.npy"
    if path.exists():
        return np.load(path)
    data = load_data(work)
    rows = kept(data, where)
    rows = np.arange(len(data.vectors)) if rows is None else rows
    best, score = np.full((len(data.queries), K), -1), np.full((len(data.queries), K), -np.inf)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        both = np.hstack([score, data.queries @ data.vectors[block].T])
        name = np.hstack([best, np.broadcast_to(block, (len(best), len(block)))])
        top = np.argsort(-both, axis=1, kind="stable")[:, :K]
        best, score = np.take_along_axis(name, top, 1), np.take_along_axis(both, top, 1)
    np.save(path, best)
    return best


# -- all of them -------------------------------------------------------------------------------------------------------------------------


def run(phase: str, name: str, work: Path) -> dict[str, float]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS"), "1")
    done = subprocess.run([sys.executable, __file__, "--phase", phase, "--stores", name, "--work", str(work)], stdout=subprocess.PIPE,
                          env={**os.environ, **threads, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}, check=True)  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


COLUMNS: list[tuple[str, Callable[[dict[str, float]], str]]] = [
    ("build s", lambda r: f"{r['build_s']:.0f}"),
    ("CPU s", lambda r: f"{r['build_cpu_s']:.0f}"),
    ("disk MB", lambda r: f"{r['disk_mb']:.0f}"),
    ("RSS MB build/ask", lambda r: f"{r['build_rss_mb']:.0f}/{r['ask_rss_mb']:.0f}"),
    ("open s", lambda r: f"{r['open_s']:.2f}"),
    ("first answer s", lambda r: f"{r['first_answer_s']:.2f}"),
]


def table(results: dict[str, dict[str, float]]) -> str:
    """Speeds are queries a CPU second / a second by the clock (times plain numpy, by CPU)."""
    base = results.get("numpy")
    lines = [["store", *(name for name, _ in COLUMNS), *(f"{where}: recall, q/s CPU/wall (x numpy)" for where in WHERES)]]
    for store, result in results.items():
        cells = [store, *(show(result) for _, show in COLUMNS)]
        for where in WHERES:
            cpu, wall = result[f"{where}_qps_cpu"], result[f"{where}_qps_wall"]
            ratio = f" ({cpu / base[f'{where}_qps_cpu']:.2f}x)" if base else ""
            cells.append(f"{result[f'{where}_recall']:.3f}, {cpu:.1f}/{wall:.1f}{ratio}")
        lines.append(cells)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--stores", default=",".join(STORES), help="some of " + ",".join(STORES))
    parser.add_argument("--out", type=Path, help="JSON file, written as each store is finished")
    parser.add_argument("--work", type=Path, help="folder of the data and stores; used again where it is there")
    parser.add_argument("--phase", choices=("build", "ask"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        print(json.dumps((phase_build if given.phase == "build" else phase_ask)(given.stores, given.work)))
        return
    work = given.work or Path(tempfile.gettempdir()) / f"gallery_stores_{given.n}_{given.dim}"
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "vectors.npy").exists():
        make_data(work, given.n, given.dim, given.queries)
    shares = {where: len(rows) / given.n for where in WHERES if (rows := kept(load_data(work), where)) is not None}
    about: dict[str, Any] = {
        "n": given.n,
        "dim": given.dim,
        "queries": given.queries,
        "kept": shares,
        "ef": [EF_CONSTRUCTION, EF_SEARCH],
    }
    print(
        f"{given.n:,} x {given.dim}; kept by the filters: {', '.join(f'{where} {share:.2%}' for where, share in shares.items())}"
    )
    for where in WHERES:
        truth(work, where)
    results: dict[str, dict[str, float]] = {}
    for store in given.stores.split(","):
        done = (work / store / "built.json").exists()
        built = json.loads((work / store / "built.json").read_text()) if done else run("build", store, work)
        (work / store / "built.json").write_text(json.dumps(built))
        results[store] = built | run("ask", store, work)
        log(f"{store}: {json.dumps(results[store])}")
        if given.out:
            given.out.write_text(json.dumps({**about, "stores": results}, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
