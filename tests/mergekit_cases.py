"""Configurations of mergekit whose results are kept in ``golden/``, and the models they merge."""

import torch
from torch import Tensor

LAYERS, WIDTH, INNER, TOKENS = 3, 8, 12, 10
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": WIDTH,
    "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": 2,
    "num_key_value_heads": 2, "vocab_size": TOKENS, "tie_word_embeddings": False,
}  # fmt: skip
MODELS = ("base", "red", "green", "blue", "near")
NO_BASE = ("linear", "slerp", "nuslerp_of")  # cases that do not name what deltas are taken from
CASES = {
    "linear": """
        merge_method: linear
        models: [{model: red, parameters: {weight: 1}}, {model: green, parameters: {weight: 3}}]
    """,
    "linear_with_base": """
        merge_method: linear
        models:
          - {model: base, parameters: {weight: 0.5}}
          - {model: red, parameters: {weight: 0.8}}
          - {model: green, parameters: {weight: 0.3}}
    """,
    "linear_not_normalized": """
        merge_method: linear
        models: [{model: red}, {model: green, parameters: {weight: 0.4}}]
        parameters: {weight: 0.6, normalize: false}
    """,
    "linear_gradients": """
        merge_method: linear
        models:
          - {model: red, parameters: {weight: [1, 0.5, 0.2]}}
          - {model: green, parameters: {weight: [0.1, 2]}}
          - {model: blue, parameters: {weight: 0.5}}
    """,
    "task_arithmetic": """
        merge_method: task_arithmetic
        base_model: base
        models:
          - {model: base}
          - {model: red, parameters: {weight: 0.6}}
          - {model: green, parameters: {weight: -0.3}}
        parameters: {lambda: 0.5}
    """,
    "task_arithmetic_normalized": """
        merge_method: task_arithmetic
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
        parameters: {lambda: 1.2, normalize: true}
    """,
    "task_arithmetic_filters": """
        merge_method: task_arithmetic
        base_model: base
        models:
          - model: red
            parameters:
              weight: [{filter: self_attn, value: 0.9}, {filter: mlp.down, value: 0.1}]
          - model: green
            parameters: {weight: [{filter: embed, value: 0}, {value: 0.4}]}
        parameters: {weight: 0.25, lambda: [{filter: norm, value: 2}, {filter: '*', value: 1}]}
    """,
    "task_arithmetic_gradients": """
        merge_method: task_arithmetic
        base_model: base
        models:
          - {model: red, parameters: {weight: [0, 0.3, 0.7, 1]}}
          - {model: green, parameters: {weight: {filter: mlp, value: [1, 0]}}}
        parameters: {weight: 0.5, lambda: [0.5, 1.5]}
    """,
    "ties": """
        merge_method: ties
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
        parameters: {density: 0.5, lambda: 0.7}
    """,
    "ties_not_normalized": """
        merge_method: ties
        base_model: base
        models:
          - {model: red, parameters: {weight: 0.6}}
          - {model: green, parameters: {weight: 0.3}}
          - {model: blue, parameters: {weight: 0.5}}
        parameters: {density: 0.3, normalize: false, int8_mask: true}
    """,
    "ties_gradients": """
        merge_method: ties
        base_model: base
        models:
          - {model: red, parameters: {weight: [0.2, 1]}}
          - {model: green, parameters: {weight: [{filter: mlp, value: -0.5}, {value: 0.5}]}}
        parameters: {density: 0.8}
    """,
    "dare_linear_all": """
        merge_method: dare_linear
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
        parameters: {density: 1, lambda: 0.5, normalize: true}
    """,
    "dare_linear_norms": """
        merge_method: dare_linear
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}]
        parameters: {density: 0.6, lambda: 1.5}
    """,
    "dare_ties_all": """
        merge_method: dare_ties
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
        parameters: {density: 1, lambda: 0.5}
    """,
    "dare_ties_mean": """
        merge_method: dare_ties
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
        parameters: {density: 1, normalize: true}
    """,
    "breadcrumbs": """
        merge_method: breadcrumbs
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
        parameters: {density: 0.7, gamma: 0.1, lambda: 0.9}
    """,
    "breadcrumbs_all": """
        merge_method: breadcrumbs
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
    """,
    "breadcrumbs_ties": """
        merge_method: breadcrumbs_ties
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
        parameters: {density: 0.7, gamma: 0.1, lambda: 0.9}
    """,
    "breadcrumbs_ties_mean": """
        merge_method: breadcrumbs_ties
        base_model: base
        models:
          - {model: red, parameters: {weight: 0.6}}
          - {model: green, parameters: {weight: [0.3, 0.5]}}
          - {model: blue, parameters: {weight: 0.4}}
        parameters: {density: 0.8, gamma: 0.05, normalize: true}
    """,
    "della_all": """
        merge_method: della
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
    """,
    "della_linear_norms": """
        merge_method: della_linear
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}]
        parameters: {density: 0.6, epsilon: 0.3, lambda: 1.5}
    """,
    "model_stock": """
        merge_method: model_stock
        base_model: base
        models: [{model: red}, {model: green}, {model: blue}]
    """,
    "slerp": """
        merge_method: slerp
        base_model: red
        models: [{model: green}, {model: red}]
        parameters: {t: 0.3}
    """,
    "slerp_gradients": """
        merge_method: slerp
        base_model: red
        models: [{model: red}, {model: green}]
        parameters:
          t:
            - {filter: self_attn, value: [0, 0.5, 0.3, 0.7, 1]}
            - {filter: mlp, value: [1, 0.5, 0.7, 0.3, 0]}
            - value: 0.5
    """,
    "nuslerp": """
        merge_method: nuslerp
        base_model: base
        models: [{model: red, parameters: {weight: 1}}, {model: green, parameters: {weight: 3}}]
    """,
    "nuslerp_gradients": """
        merge_method: nuslerp
        base_model: base
        models:
          - {model: red, parameters: {weight: [1, 0]}}
          - {model: green, parameters: {weight: [0, 1]}}
    """,
    "nuslerp_of_models": """
        merge_method: nuslerp
        models: [{model: red, parameters: {weight: 1}}, {model: green, parameters: {weight: 3}}]
    """,
    "nuslerp_of_near_models": """
        merge_method: nuslerp
        models: [{model: red, parameters: {weight: 1}}, {model: near, parameters: {weight: 1}}]
    """,
    "out_dtype": """
        merge_method: task_arithmetic
        base_model: base
        models: [{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]
        dtype: float32
        out_dtype: bfloat16
    """,
}


def shapes() -> dict[str, tuple[int, ...]]:
    """Of a small Llama's tensors, by name."""
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (TOKENS, WIDTH)}
    for number in range(LAYERS):
        layer = f"model.layers.{number}"
        found |= {f"{layer}.self_attn.{part}_proj.weight": (WIDTH, WIDTH) for part in "qkvo"}
        found |= {f"{layer}.mlp.{part}_proj.weight": (INNER, WIDTH) for part in ("gate", "up")}
        found[f"{layer}.mlp.down_proj.weight"] = (WIDTH, INNER)
        found |= {
            f"{layer}.{part}.weight": (WIDTH,)
            for part in ("input_layernorm", "post_attention_layernorm")
        }
    return found | {"model.norm.weight": (WIDTH,), "lm_head.weight": (TOKENS, WIDTH)}


def tensors(model: str) -> dict[str, Tensor]:
    """A model's weights: apart enough that SLERP takes its arc, with a direction in common."""
    base, shared = _drawn(7), _drawn(8)
    if model == "base":
        return base
    if model == "near":  # a cosine of about 0.9997 to red, where SLERP takes its straight line
        return {name: x + 0.02 * shared[name] for name, x in tensors("red").items()}
    own = _drawn(MODELS.index(model))
    return {name: x + 0.4 * own[name] + 0.5 * shared[name] for name, x in base.items()}


def _drawn(seed: int) -> dict[str, Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=drawn) for name, shape in shapes().items()}
