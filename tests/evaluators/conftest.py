from support.encoder import encoder

__all__ = ["encoder"]
