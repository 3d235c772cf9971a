"""Small models with random weights, of each architecture and saved as the original libraries save them."""

import json

import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from otel_llm.models.texts import read_calls

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
# what Detoxify's checkpoints were trained on, by the name of the released model
DETOXIFY = {
    "original": ("Bert", ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]),
    "unbiased": (
        "Roberta",
        ["toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual"],
    ),
    "multilingual": (
        "XLMRoberta",
        ["toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat"],
    ),
    "original-small": ("Albert", ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]),
}


def tokenizer(class_name, max_tokens=512, vocabulary=500):
    """Return a tokenizer of that class, trained on our own texts."""
    texts = [text for call in read_calls(None) for text in (call.input_text, call.output_text, *call.documents)]
    texts.append("Determine if the hypothesis is true given the premise? Premise: Hypothesis:")
    trained = getattr(transformers, class_name)().train_new_from_iterator(texts, vocabulary)
    trained.model_max_length = max_tokens
    return trained


def detoxify(folder, released):
    """Write a checkpoint as Detoxify's training does, and a folder of configuration and tokenizer."""
    family, classes = DETOXIFY[released]
    words = tokenizer(f"{family}Tokenizer")
    model = _model(f"{family}ForSequenceClassification", words, num_labels=len(classes))
    base = folder / "base"
    model.config.save_pretrained(base)
    words.save_pretrained(base)
    arguments = {
        "model_type": str(base),
        "model_name": f"{family}ForSequenceClassification",
        "tokenizer_name": f"{family}Tokenizer",
        "num_classes": len(classes),
    }
    config = {"arch": {"args": arguments}, "dataset": {"args": {"classes": classes}}}
    torch.save({"config": config, "state_dict": model.state_dict()}, folder / "toxic.ckpt")
    return folder / "toxic.ckpt", base


def sentence_transformer(folder, *, pooling="mean", family="Bert"):
    """Write an encoder as sentence-transformers does."""
    plain = folder / "plain"
    words = tokenizer(f"{family}Tokenizer", max_tokens=64)
    _model(f"{family}Model", words, max_tokens=64).save_pretrained(plain)
    words.save_pretrained(plain)
    transformer = Transformer(str(plain), max_seq_length=64)
    SentenceTransformer(modules=[transformer, Pooling(32, pooling_mode=pooling), Normalize()]).save(
        str(folder / "st")
    )
    return folder / "st"


def nli(folder, family="Bert", **more):
    """Write a cross-encoder as sentence-transformers does."""
    plain = folder / "plain"
    words = tokenizer(f"{family}Tokenizer")
    names = {0: "contradiction", 1: "entailment", 2: "neutral"}
    labels = {"id2label": names, "label2id": {name: number for number, name in names.items()}}
    _model(f"{family}ForSequenceClassification", words, **labels | more).save_pretrained(plain)
    words.save_pretrained(plain)
    CrossEncoder(str(plain)).save_pretrained(str(folder / "nli"))
    return folder / "nli"


def lettucedetect(folder):
    """Write a token classifier as LettuceDetect's training does: ModernBERT, two labels without names."""
    words = tokenizer("RobertaTokenizer", max_tokens=256)
    words.save_pretrained(folder)
    plain = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    plain.save_pretrained(folder)
    _model("ModernBertForTokenClassification", words, num_labels=2, local_attention=16).save_pretrained(folder)
    return folder


def hhem(folder, *, without=None):
    """Write weights and configuration as HHEM-2.1-Open's repository has them, with a T5 of its own for a base."""
    words = tokenizer("T5Tokenizer")
    torch.manual_seed(7)
    config = transformers.T5Config(
        vocab_size=len(words), d_model=32, d_kv=16, d_ff=48, num_layers=2, num_heads=2,
        feed_forward_proj="gated-gelu", num_labels=2,
    )  # fmt: skip
    model = transformers.T5ForTokenClassification(config)
    base = folder / "t5"
    config.save_pretrained(base)
    words.save_pretrained(base)
    weights = {f"t5.{name}": value for name, value in model.state_dict().items() if "embed_tokens" not in name}
    weights.pop(without, None)
    source = folder / "hhem"
    source.mkdir()
    save_file(weights, source / "model.safetensors")
    settings = {"model_type": "HHEMv2", "architectures": ["HHEMv2ForSequenceClassification"]}
    (source / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    (source / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    return source, base


def _model(class_name, words, *, max_tokens=512, **more):
    model_class = getattr(transformers, class_name)
    special = {
        name: getattr(words, name)
        for name in ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")
    }
    positions = max_tokens + words.pad_token_id + 1  # RoBERTa's kind begins to count behind the padding
    config = model_class.config_class(
        **SMALL, vocab_size=len(words), max_position_embeddings=positions, **special, **more
    )
    torch.manual_seed(7)
    model = model_class(config)
    for (
        parameter
    ) in model.parameters():  # as trained ones: far from zero, so that outputs differ from text to text
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def arguments_for(folder, kind):
    """Return the arguments of `models export` for a model of that kind, written into the folder."""
    if kind in DETOXIFY:
        source, base = detoxify(folder, kind)
        return [str(source), "--kind", "detoxify", "--base", str(base)]
    deberta = {
        "relative_attention": True,
        "position_buckets": 32,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "type_vocab_size": 0,
    }
    source = nli(folder, "DebertaV2", **deberta) if kind == "nli-deberta" else nli(folder)
    return [str(source), "--kind", "nli"]


class HHEMv2ForSequenceClassification:
    """What HHEM's own code does, written anew: prompt, T5, first token, softmax."""

    def __init__(self, source, base):
        weights = load_file(source / "model.safetensors")
        self.t5 = transformers.T5ForTokenClassification(transformers.T5Config.from_pretrained(base)).eval()
        result = self.t5.load_state_dict({name[3:]: value for name, value in weights.items()}, strict=False)
        assert (result.missing_keys, result.unexpected_keys) == (["transformer.encoder.embed_tokens.weight"], [])
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(base)

    def predict(self, pairs):
        """Return the probability of class 1, consistent, for pairs of premise and hypothesis."""
        prompt = "<pad> Determine if the hypothesis is true given the premise?\n\nPremise: {}\n\nHypothesis: {}"
        inputs = self.tokenizer([prompt.format(*pair) for pair in pairs], return_tensors="pt", padding=True)
        with torch.inference_mode():
            logits = self.t5(**inputs).logits[:, 0, :]
        return torch.softmax(logits, dim=-1)[:, 1]
