"""Any server that speaks OpenAI's chat completions: hosted, vLLM, SGLang, llama.cpp, Ollama."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel


def chat_model(model: str, base_url: str | None, api_key: str, temperature: float) -> BaseChatModel:
    """The model behind `base_url` (OpenAI's own when None). Server errors are retried twice with growing pauses."""
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    return ChatOpenAI(
        model=model,
        base_url=base_url,
        api_key=SecretStr(api_key),
        temperature=temperature,
        max_retries=2,
        timeout=170.0,
        use_responses_api=False,
    )
