"""How each bundled model was trained, evaluated and exported. The server does not need this package."""
