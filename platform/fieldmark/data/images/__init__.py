"""Pictures: decoding, packing, transforming and loading them."""
