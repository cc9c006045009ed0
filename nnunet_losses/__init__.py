"""nnunet-losses: the loss-function laboratory for nnU-Net."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("nnunet-losses")
except PackageNotFoundError:  # a checkout on the path, not installed
    __version__ = "0+unknown"
