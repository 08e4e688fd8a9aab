"""A small vision-language model that is put together from packages of the registry: SmolLM2-135M, EfficientNet-Lite2, a trained projector."""
