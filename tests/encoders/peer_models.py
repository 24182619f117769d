"""Tiny models of random weights, saved by transformers and sentence-transformers as published folders are."""

from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = [f"w{number}" for number in range(60)]
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
TEXTS = ["w1 w2 w3", "w4", "", "w5 w1 w20 w25 w0", "w2 w1 w3", " ".join(WORDS * 6), "w1 <pad> w2"]

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "vocab_size": len(SPECIALS) + len(WORDS),
    "max_position_embeddings": 400,
    "pad_token_id": 1,
}
T5_SIZES = {
    "vocab_size": 64,
    "d_model": 16,
    "num_layers": 3,
    "num_heads": 2,
    "d_kv": 6,
    "d_ff": 24,
    "pad_token_id": 1,
}
CONFIGS = {
    "bert": SIZES,
    "roberta": {**SIZES, "type_vocab_size": 1},
    "xlm-roberta": {**SIZES, "type_vocab_size": 1, "hidden_act": "gelu_new"},
    "camembert": {**SIZES, "type_vocab_size": 1},
    "mpnet": SIZES,
    "distilbert": {
        "dim": 16,
        "n_layers": 3,
        "n_heads": 2,
        "hidden_dim": 24,
        "vocab_size": 64,
        "max_position_embeddings": 400,
        "pad_token_id": 1,
    },
    "modernbert": {**SIZES, "num_hidden_layers": 4, "local_attention": 6},
    "modernbert with biases": {**SIZES, "norm_bias": True, "attention_bias": True, "mlp_bias": True},
    "t5": T5_SIZES,
    "t5 1.1": {**T5_SIZES, "feed_forward_proj": "gated-gelu"},
    "qwen3": {**SIZES, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6},
    "qwen3 with biases": {**SIZES, "num_key_value_heads": 2, "head_dim": 8, "attention_bias": True},
}
"""Changes to a family's configuration that make it tiny, by name; the first word is the `model_type`."""

OTHERS = {"electra": {**SIZES, "embedding_size": 8}}
"""Families that are not built."""


def fast_tokenizer():
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*SPECIALS, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.add_special_tokens(SPECIALS)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 0))
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), SPECIALS, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=390, **names)


def tiny_model(name, seed=0):
    """Make a model whose every weight is random, biases and norms included."""
    import torch
    from transformers import AutoConfig, AutoModel, T5EncoderModel

    kind = name.split()[0]
    torch.manual_seed(seed)
    config = AutoConfig.for_model(kind, **(CONFIGS | OTHERS)[name])
    model = T5EncoderModel(config) if kind == "t5" else AutoModel.from_config(config)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            centre = 1.0 if "norm" in key.lower() and key.endswith("weight") else 0.0
            parameter.normal_(centre, 0.3)
    return model.eval()


def save_bare(path, name):
    """Save a model and its tokenizer as transformers does."""
    model = tiny_model(name)
    model.save_pretrained(path)
    fast_tokenizer().save_pretrained(path)
    return model


def save_sentence_transformer(path, name, *, after=(), pooling="mean", include_prompt=True, prompts=None):
    """Save a whole sentence encoder as sentence-transformers does, and give it back as it loads it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    save_bare(path / "bare", name)
    transformer = Transformer(str(path / "bare"), max_seq_length=390)
    width = transformer.get_embedding_dimension()
    modules = [transformer, Pooling(width, pooling_mode=pooling, include_prompt=include_prompt), *after]
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(path / "model"))
    return path / "model", SentenceTransformer(str(path / "model"), device="cpu")
