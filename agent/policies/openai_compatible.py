"""Any server that speaks OpenAI's chat completions: hosted, vLLM, SGLang, llama.cpp, Ollama."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel


def chat_model(model: str, base_url: str | None, api_key: str, temperature: float, retries: int = 2) -> BaseChatModel:
    """The model behind `base_url` (OpenAI's own when None). Busy and failing servers are asked again
    `retries` times with growing pauses (as long as they ask for, where they do)."""
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    return ChatOpenAI(
        model=model,
        base_url=base_url,
        api_key=SecretStr(api_key),
        temperature=temperature,
        max_retries=retries,
        timeout=170.0,
        use_responses_api=False,
    )
