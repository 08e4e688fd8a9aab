"""Imports point down, nothing heavy is loaded by looking, and nothing happens on import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER = ["geosleuth", "rl_training", "evals", "agent", "tools", "prompts", "models", "geo"]
MAY_IMPORT = {layer: set(ORDER[row:]) for row, layer in enumerate(ORDER)}
MAY_IMPORT["tools"] -= {"prompts"}
MAY_IMPORT["prompts"] = {"prompts"}
MAY_IMPORT["geo"] = {"geo"}
HEAVY = {
    "torch",
    "transformers",
    "langgraph",
    "langchain_core",
    "langchain_openai",
    "rapidocr",
    "onnxruntime",
    "cv2",
    "trafilatura",
    "ddgs",
    "pyarrow",
    "datasets",
    "pandas",
    "sklearn",
    "scipy",
    "onnx",
    "lancedb",
    "qdrant_client",
    "faiss",
    "trl",
    "peft",
    "accelerate",
    "gguf",
    "safetensors",
    "tokenizers",
    "tensorboard",
    "osmium",
    "rasterio",
    "fastmcp",
    "mcp",
    "mcp_types",
    "uvicorn",
    "starlette",
    "fastapi",
}


def modules() -> list[Path]:
    return [path for layer in ORDER for path in sorted((ROOT / layer).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def test_imports_point_down() -> None:
    wrong = {
        str(path.relative_to(ROOT)): upward
        for path in modules()
        if (upward := (imported(path) & set(ORDER)) - MAY_IMPORT[path.relative_to(ROOT).parts[0]])
    }
    assert wrong == {}


def test_there_is_no_relative_import() -> None:
    relative = [
        path
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


@pytest.mark.parametrize(
    "statement",
    [
        "import geosleuth",
        "import geosleuth.cli",
        "import geo.belief",
        "import geo.clues",
        "import tools.observation",
        "import tools.find_similar, tools.estimate",
        "import models.registry, models.gallery.open, models.encoders.make",
        "import models.geocells.train, models.geocells.geocells",
        "import models.alignment.train, models.alignment.alignment",
        "import models.knn_calibration",
        "import models.flow.train, models.flow.flow",
        "import geosleuth.uav_command, models.aerial.match, models.aerial.open_ground",
        "import rl_training.reward, rl_training.config_file, rl_training.curves, rl_training.metrics_log",
        "import geosleuth.train",
        "import geosleuth.class_command, models.class_retrieval.evaluate, models.class_retrieval.train, models.crossview.datasets.open",
        "import geosleuth.crossview_command, models.crossview.search, models.crossview.train, tools.match_aerial",
        "import geosleuth.ranker_command, models.ranker.load, models.ranker.vlm_train",
        "import geosleuth.mcp_command, geosleuth.chat_command, geosleuth.serve_command",
    ],
)
def test_looking_loads_nothing_heavy(statement: str) -> None:
    code = f"{statement}\nimport sys\nprint(*sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert (done.stdout.strip(), done.stderr.strip()) == ("", "")
