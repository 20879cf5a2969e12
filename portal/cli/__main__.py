"""``python -m portal.cli``: the command line from a checkout, with nothing installed."""

from .main import run

if __name__ == "__main__":
    run()
