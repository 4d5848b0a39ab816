"""Which agent this is. BUILT is the release date in Unix seconds: no clock may say an earlier time."""

VERSION = "0.1.0"
BUILT = 1795478400
