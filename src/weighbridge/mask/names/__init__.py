"""Names of people, places and organisations: by models that were added, and by rules that need none."""

from weighbridge.mask.names.base import Names
from weighbridge.mask.names.loading import load_names
from weighbridge.mask.names.models import Model, Models

__all__ = ["Model", "Models", "Names", "load_names"]
