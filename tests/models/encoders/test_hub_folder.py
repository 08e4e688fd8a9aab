from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoders.encoder import EncoderError
from models.encoders.hub_folder import fingerprint, model_folder, stated_licence, weights_files


def test_a_repository_that_is_not_cached_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        EncoderError, match=r"some/where is not in the Hugging Face cache and cannot be fetched \(HF_HUB_OFFLINE is set\)"
    ):
        model_folder("some/where")


@pytest.mark.parametrize("source", ["/no/such/folder", "./none", "~/none-at-all", "plain", "a/b/c"])
def test_a_folder_that_is_not_there(source: str) -> None:
    with pytest.raises(EncoderError, match="there is no folder"):
        model_folder(source)


@pytest.mark.parametrize(
    ("readme", "licence"),
    [
        ("---\nlicense: cc-by-nc-4.0\ntags:\n- a\n---\n# Model", "cc-by-nc-4.0"),
        ("---\r\ntags: x\r\nlicense: 'mit'\r\n---\r\n", "mit"),
        ("---\nlicense: apache-2.0\n---", "apache-2.0"),
        ("# Model\nlicense: mit\n", ""),
        ("---\nlicense_name: mit\n---\n", ""),
        ("---\nlicense: mit\n", ""),
        ("", ""),
    ],
)
def test_the_licence_of_the_front_matter(tmp_path: Path, readme: str, licence: str) -> None:
    (tmp_path / "README.md").write_bytes(readme.encode())
    assert stated_licence(tmp_path) == licence


def test_no_readme_states_no_licence(tmp_path: Path) -> None:
    assert stated_licence(tmp_path) == ""


def test_safetensors_go_before_pickles(tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        (tmp_path / name).touch()
    assert [file.name for file in weights_files(tmp_path)] == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]


@given(st.integers(0, 16), st.sampled_from([0, -1]))
def test_a_change_at_an_end_of_a_large_file_is_seen(tmp_path_factory: pytest.TempPathFactory, at: int, end: int) -> None:
    file = tmp_path_factory.mktemp("large") / "model.safetensors"
    data = bytearray(3 << 20)
    file.write_bytes(data)
    before = fingerprint([file], "clip")
    data[min(at * (len(data) // 16), len(data) - 1) if end == 0 else -1 - at] = 1
    file.write_bytes(data)
    assert fingerprint([file], "clip") != before
    assert fingerprint([file], "siglip") != fingerprint([file], "clip")
