"""Config files: models that hold types, defaults, units and help; messages and the key reference are made from them."""

from nnunet_losses.base.config.messages import checked
from nnunet_losses.base.config.model import ConfigModel, Different, Line, Many, Pair, Says, key, shown
from nnunet_losses.base.config.reading import named_file, read_yaml
from nnunet_losses.base.config.reference import key_tables

__all__ = [
    "ConfigModel",
    "Different",
    "Line",
    "Many",
    "Pair",
    "Says",
    "checked",
    "key",
    "key_tables",
    "named_file",
    "read_yaml",
    "shown",
]
