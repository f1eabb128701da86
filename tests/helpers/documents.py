"""Documents that come from no file."""

from app.static_config.document import Document, Place, Places


def plain_document(origin: str, value: object) -> Document:
    """Return a document whose values have no places of their own."""
    return Document(value, Places(Place(origin)))
