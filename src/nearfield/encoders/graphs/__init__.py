"""Transformer encoders as ONNX graphs, built from `config.json` and `model.safetensors` without PyTorch."""
